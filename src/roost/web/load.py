"""What the processes of live sessions take of the machine, read from /proc when somebody looks."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from msgspec import Struct

from roost.client.connection import Record

PROC = Path("/proc")
STALE = 60.0
"""Seconds after which an earlier look tells nothing about now."""
SPAN = 1.0
"""Seconds over which a share means something: the kernel counts ticks of 10 ms."""
# Positions after the parenthesised command name, which may itself hold spaces and parentheses (proc(5)).
_PPID, _USER, _SYSTEM, _START, _RESIDENT = 1, 11, 12, 19, 21


class Process(Struct, frozen=True):
    """One process: who started it, since when (ticks), its processor time (seconds), its memory (bytes)."""

    parent: int
    start: int
    spent: float
    resident: int


class Load(Struct, frozen=True):
    """What the process tree of a session takes.

    `share`: of one processor core, since the look before; None where there was none. `resident`: bytes, with
    what processes share counted in each of them. `processes` is 0 where nothing can be known.
    """

    peer: str
    session: str
    share: float | None
    resident: int
    processes: int


class Loads:
    """Compares each look with the one before."""

    def __init__(self, proc: Path = PROC, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody has looked yet."""
        self._proc = proc
        self._clock = clock
        self._before: dict[int, Process] = {}
        self._at = clock() - 2 * STALE
        self._loads: list[Load] = []

    def look(self, peers: Iterable[Record]) -> list[Load]:
        """The live sessions of these peers, what takes most first; blocks for a few milliseconds.

        Who looks within `SPAN` of somebody else sees what they saw.
        """
        passed = self._clock() - self._at
        if passed < SPAN:
            return self._loads
        now, found = self._clock(), dict(_processes(self._proc))
        before = self._before if passed <= STALE else {}
        children: dict[int, list[int]] = {}
        for pid, process in found.items():
            children.setdefault(process.parent, []).append(pid)
        loads = [
            _load(
                str(peer["name"]), session, _tree(session.get("server_pid"), found, children), before, passed
            )
            for peer in peers
            for session in _sessions(peer)
        ]
        self._before, self._at = found, now
        self._loads = sorted(loads, key=lambda load: (-(load.share or 0), -load.resident, load.peer))
        return self._loads


def _sessions(peer: Record) -> list[Record]:
    active: Record | None = peer.get("session")
    pool: list[Record] = peer.get("pool") or []
    return [*([active] if active else []), *pool]


def _load(
    peer: str, session: Record, tree: dict[int, Process], before: Mapping[int, Process], passed: float
) -> Load:
    spent = 0.0
    for pid, process in tree.items():
        earlier = before.get(pid)
        same = earlier is not None and earlier.start == process.start
        spent += process.spent - (earlier.spent if earlier is not None and same else 0.0)
    share = spent / passed if before and passed > 0 else None
    resident = sum(process.resident for process in tree.values())
    return Load(peer, str(session["id"]), share, resident, len(tree))


def _tree(
    root: int | None, found: Mapping[int, Process], children: Mapping[int, list[int]]
) -> dict[int, Process]:
    """A process and all that descend from it."""
    pending, tree = [root] if root in found else [], dict[int, Process]()
    while pending:
        pid = pending.pop()
        if pid is not None and pid not in tree:
            tree[pid] = found[pid]
            pending.extend(children.get(pid, ()))
    return tree


def _processes(proc: Path) -> Iterable[tuple[int, Process]]:
    """All processes; none where the system has no /proc."""
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    for name in os.listdir(proc) if proc.is_dir() else ():  # noqa: PTH208 -- names alone
        if name.isdecimal():
            try:
                stat = (proc / name / "stat").read_bytes()
            except OSError:  # it has just ended
                continue
            fields = stat.rpartition(b")")[2].split()
            spent = (int(fields[_USER]) + int(fields[_SYSTEM])) / ticks
            process = Process(int(fields[_PPID]), int(fields[_START]), spent, int(fields[_RESIDENT]) * page)
            yield int(name), process
