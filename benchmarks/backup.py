"""Durable accept while a backup is taken, one after another, beside the same load without any."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

from benchmarks.accept import CALLERS, SECONDS, drive
from benchmarks.home import Home, daemon
from benchmarks.result import Result, clocked, p50

ROUNDS = 5
FILL = 20_000
"""Messages that are there before, so that a backup has something to copy."""
_MAILBOXES = 64
TARGET = 1000.0


def run() -> Result:
    """Messages a second that are stored while the store is copied."""
    busy: list[float] = []
    free: list[float] = []
    took: list[float] = []
    sizes: list[int] = []
    with daemon() as home:
        boxes = [f"box{number}" for number in range(_MAILBOXES)]
        for box in boxes:
            home.add(box, "human", queue_limit="100000")
        path, filled = str(home.places.socket), 0
        while filled < FILL:
            filled += len(asyncio.run(drive(path, boxes))[1])
        for number in range(ROUNDS):
            free.append(asyncio.run(drive(path, boxes))[0])
            over = Event()
            with ThreadPoolExecutor(1) as pool:
                copies = pool.submit(_copy, home, home.root / f"{number}.", over)
                busy.append(asyncio.run(drive(path, boxes))[0])
                over.set()
                copied = copies.result()
            took.extend(each for each, _ in copied)
            sizes.extend(size for _, size in copied)
    return Result(
        name="backup",
        what=f"durable accept, {CALLERS} callers, {_MAILBOXES} mailboxes, while `backup` runs again and"
        f" again, {ROUNDS} times {SECONDS:g} s in turn with the floor",
        unit="/s",
        measured=p50(busy),
        floor=p50(free),
        floor_is="the same callers while no backup runs",
        judged_as="p50",
        judged=p50(busy),
        target=TARGET,
        more_is_better=True,
        details={
            "backups": len(took),
            "p50 ms a backup": p50(took),
            "MiB of the last backup": sizes[-1] / 2**20,
        },
    )


def _copy(home: Home, prefix: Path, over: Event) -> list[tuple[float, int]]:
    """Milliseconds and bytes of each backup until the load is over."""
    done: list[tuple[float, int]] = []
    while not over.is_set():
        target = prefix.with_name(f"{prefix.name}{len(done)}.db")
        spent = clocked(lambda target=target: home.ask("backup", path=str(target)))
        done.append((spent, target.stat().st_size))
        target.unlink()
    return done
