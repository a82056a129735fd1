"""TCP ports of this machine: which are handed out by the kernel, and who holds one."""

import contextlib
import os
import pwd
import secrets
from collections.abc import Iterator
from pathlib import Path

from roost.host.process import platform

PROC = Path("/proc")
_FIRST, _END = 10_000, 65_536
"""Below are the ports of well-known services."""
_TRIES = 64
_LISTENS = "0A"


def candidates(proc: Path = PROC) -> Iterator[int]:
    """Ports to try in turn: outside of those that outgoing connections take (ip(7)), then any free one (0).

    One that they take can be a connection's when we come back for it.
    """
    try:
        low, high = map(int, (proc / "sys/net/ipv4/ip_local_port_range").read_text().split())
    except (OSError, ValueError):
        low, high = 32_768, 60_999
    ours = [*range(_FIRST, min(low, _END)), *range(max(high + 1, _FIRST), _END)]
    for _ in range(_TRIES if ours else 0):
        yield secrets.choice(ours)
    yield 0


def holder(port: int, proc: Path = PROC) -> str:
    """Blocking: who has this local port, in words."""
    rows = list(_rows(port, proc))
    if not rows:
        return "a program that is not seen here"
    # Who listens keeps it; a connection lasts a while.
    listens, uid, inode = min(rows, key=lambda row: not row[0])
    what = "" if listens else ", by a connection of its own"
    for pid in _pids(proc):
        if f"socket:[{inode}]" in _sockets(proc / str(pid)):
            words = [os.fsdecode(word) for word in platform.arguments(pid)]
            name = Path(words[0]).name if words and words[0] else "?"
            return f"{name} (pid {pid}){what}"
    with contextlib.suppress(KeyError):
        return f"a program of the user {pwd.getpwuid(uid).pw_name}{what}"
    return f"a program of user {uid}{what}"


def _rows(port: int, proc: Path) -> Iterator[tuple[bool, int, str]]:
    """Whether it listens, its user and its inode, of each socket with this local port (proc(5))."""
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if int(words[1].rpartition(":")[2], 16) == port and words[9] != "0":
                yield words[3] == _LISTENS, int(words[7]), words[9]


def _pids(proc: Path) -> list[int]:
    return [int(name) for name in os.listdir(proc) if name.isdigit()]  # noqa: PTH208 -- names alone


def _sockets(folder: Path) -> set[str]:
    """What a process has open; empty when it may not be looked at."""
    found: set[str] = set()
    with contextlib.suppress(OSError):
        for name in os.listdir(folder / "fd"):  # noqa: PTH208 -- names alone
            with contextlib.suppress(OSError):
                found.add(os.readlink(folder / "fd" / name))  # noqa: PTH115 -- text
    return found
