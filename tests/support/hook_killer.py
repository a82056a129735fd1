"""Kills hooks of one program at random: processes that it has started to ask for mail, or to wait for it."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from roost.runtimes.claude_joined import WAITER
from roost.runtimes.claude_plugin import PIPE
from roost.runtimes.codex_hooks import HOOK

LOOK = 0.01
"""Seconds between two looks at its children."""
LATEST = 0.3
"""Seconds that a hook may live at most once it is to be killed."""


class Killer:
    """At work while the block lasts, the first that it sees in any case. `killed`: how many of which."""

    def __init__(self, program: int, seed: int, share: float) -> None:
        """Kill this share of the hooks of the program with this pid."""
        self.killed: Counter[str] = Counter()
        self._program = program
        self._share = share
        self._chance = random.Random(seed)  # noqa: S311 -- a seed, no secret
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="hook-killer", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        seen: set[int] = set()
        share = 1.0
        while not self._over.wait(LOOK):
            found = {pid: what for pid in _below(self._program) if (what := _hook(pid))}
            for pid in found.keys() - seen:
                if self._chance.random() < share:
                    share = self._share
                    # At once, or a while later, as when it has just been given something.
                    soon = self._chance.choice((0.0, self._chance.uniform(0.0, LATEST)))
                    threading.Thread(target=self._kill, args=(pid, found[pid], soon), daemon=True).start()
            seen = set(found)

    def _kill(self, pid: int, what: str, soon: float) -> None:
        """Kill that hook, if it is still there; the handle cannot come to mean another process."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return
        try:
            if not self._over.wait(soon) and pid in _below(self._program) and _hook(pid) == what:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                self.killed[f"killed: {what}"] += 1
        except OSError:
            return
        finally:
            os.close(handle)


def _below(pid: int) -> Iterator[int]:
    """What a process has started, and what that has."""
    for task in _entries(Path(f"/proc/{pid}/task")):
        try:
            children = (task / "children").read_text().split()
        except OSError:
            continue
        for child in map(int, children):
            yield child
            yield from _below(child)


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _hook(pid: int) -> str:
    """Which hook of ours a process is; empty for any other."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return ""
    names = {str(WAITER): "a hook that waits", str(HOOK): "a hook that asks"}
    if words[:2] == ["/bin/sh", "-c"] and any(word.endswith(f"/{PIPE}") for word in words[3:4]):
        return "a plugin that waits"
    return next((names[word] for word in words if word in names), "")
