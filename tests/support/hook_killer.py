"""Kills hooks of one program at random: processes that it has started to ask for mail, or to wait for it."""

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from roost.runtimes.claude_joined import WAITER
from roost.runtimes.claude_plugin import PIPE
from roost.runtimes.codex_hooks import HOOK

LOOK = 0.01
"""Seconds between two looks at what was born."""
YOUNG = 30
"""Looks in which a process may become a hook: it is born as a copy of what starts it."""
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
        newest, share = _newest(), 1.0
        young = self._among(psutil.pids())
        while not self._over.wait(LOOK):
            before, newest = newest, _newest()
            born = range(before + 1 if before <= newest else 1, newest + 1)  # the numbers begin anew
            young = {**{pid: looks - 1 for pid, looks in young.items() if looks}, **self._among(born)}
            for pid, what in {pid: what for pid in young if (what := _hook(pid))}.items():
                del young[pid]
                if self._chance.random() < share:
                    share = self._share
                    # At once, or a while later, as when it has just been given something.
                    soon = self._chance.choice((0.0, self._chance.uniform(0.0, LATEST)))
                    threading.Thread(target=self._kill, args=(pid, what, soon), daemon=True).start()

    def _among(self, pids: Iterable[int]) -> dict[int, int]:
        """Those that the program has started, and in how many looks each may become a hook."""
        return dict.fromkeys((pid for pid in pids if _is_below(pid, self._program)), YOUNG)

    def _kill(self, pid: int, what: str, soon: float) -> None:
        """Kill that hook, if it is still there; the handle cannot come to mean another process."""
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            return
        try:
            if not self._over.wait(soon) and _is_below(pid, self._program) and _hook(pid) == what:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
                self.killed[f"killed: {what}"] += 1
        except OSError:
            return
        finally:
            os.close(handle)


def _newest() -> int:
    """The number that a process or a thread was given last, which costs less to know than what runs where."""
    return int(Path("/proc/loadavg").read_text().split()[-1])


def _is_below(pid: int, program: int) -> bool:
    """Whether a process was started by the program, or by what that has started."""
    while pid not in (0, program):
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == program


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
