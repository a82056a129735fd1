"""Ends of programs that have joined: how soon the row of a session is closed of which nothing is ours."""

import asyncio
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from benchmarks.deaths import PAUSE, Follower, bare
from benchmarks.guest import Guest, joined
from benchmarks.home import Home, daemon, until
from benchmarks.result import Result, p50, p95, p99
from roost.host.limits import raise_open_files

GUESTS = 220
STARTERS = 8
TARGET = 50.0


def run() -> Result:
    """Each of them is killed, one after the other."""
    raise_open_files()
    floor = asyncio.run(bare(GUESTS, GUESTS))
    with daemon() as home, ExitStack() as stack:
        names = [f"guest{number}" for number in range(GUESTS)]
        with ThreadPoolExecutor(STARTERS) as pool:
            guests = list(pool.map(lambda name: stack.enter_context(joined(home, name)), names))
        follower = Follower(home)
        took = [_one(home, name, guest, follower) for name, guest in zip(names, guests, strict=True)]
    return Result(
        name="death-joined",
        what=f"a program that has joined killed -> its row closed and committed, as a follower of the journal"
        f" hears it, {GUESTS} of them watched, {GUESTS} deaths",
        unit="ms",
        measured=p99(took),
        floor=p99(floor),
        floor_is=f"a pidfd's callback among {GUESTS}, then one durable apsw commit, p99",
        judged_as="p99",
        judged=p99(took),
        target=TARGET,
        details={"p50 ms": p50(took), "p95 ms": p95(took), "floor p50 ms": p50(floor)},
    )


def _one(home: Home, name: str, guest: Guest, follower: Follower) -> float:
    """Milliseconds from the kill until the death is told."""
    session = home.row(name)["session"]["id"]
    begun = time.monotonic()
    guest.process.send_signal(signal.SIGKILL)
    told = until(lambda: follower.stopped.get(session), "the death is told") - begun
    time.sleep(PAUSE)
    return told * 1000
