"""Whether a process is below the shim of an agent's session, and which tmux server stands above it.

A shim is a subreaper (prctl(2)): whatever is started below it stays below it, however often it forks and
whatever it does with sessions, groups and its environment. When its agent ends, it kills all of that.
"""

import os
from pathlib import Path

from msgspec import Struct

from roost.host.errors import SensorError
from roost.host.process import platform
from roost.host.process_table import ancestors


class Enclosure(Struct, frozen=True):
    """The outermost shim that a process lives below. `server`, `socket`: the tmux server that runs it.

    `socket` is None where that server cannot be asked any more.
    """

    shim: int
    session: str
    server: int
    socket: Path | None


def enclosure(pid: int | None = None) -> Enclosure | None:
    """What `pid` (None: we ourselves) ends with; None: no session. Raises SensorError."""
    line = ancestors(os.getpid() if pid is None else pid, platform.row)
    if line is None:
        raise SensorError("the processes above this one change faster than they can be read; try again")
    for row in reversed(line):
        session = _session_of(row.pid)
        if session is not None:
            return Enclosure(row.pid, session, row.ppid, _socket_of(row.ppid))
    return None


def is_shim(pid: int, session: str) -> bool:
    """Whether `pid` is seen from here, as the shim of this session."""
    return _session_of(pid) == session


def _words(pid: int) -> list[str]:
    return [os.fsdecode(word) for word in platform.arguments(pid)]


def _session_of(pid: int) -> str | None:
    """The session whose shim `pid` is, of any roost: `python OPTIONS .../host/shim.py .../SESSION/shim.json`.

    The command line of the tmux server above it ends with the same words, after words of its own.
    """
    words = _words(pid)
    if len(words) < 3 or not words[-2].endswith("/host/shim.py"):  # noqa: PLR2004 -- python, shim, spec
        return None
    if not all(word.startswith("-") or word == "utf8" for word in words[1:-2]):
        return None
    spec = Path(words[-1])
    return spec.parent.name if spec.name == "shim.json" else None


def _socket_of(pid: int) -> Path | None:
    """Where a tmux server that was started with `-S` listens."""
    words = _words(pid)
    if "-S" not in words[:-1]:
        return None
    socket = Path(words[words.index("-S") + 1])
    return socket if socket.is_socket() else None
