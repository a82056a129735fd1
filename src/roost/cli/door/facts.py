"""Which facts of a process this one must share to stand in for it, as the kernel tells them."""

from __future__ import annotations

import os
import struct
from socket import SO_PEERCRED, SOL_SOCKET, socket

_NAMESPACES = ("mnt", "net", "pid", "time", "user", "uts")
_RIGHTS = (b"Uid:", b"Gid:", b"Groups:", b"Cap", b"NoNewPrivs:", b"Seccomp")
_UMASK = b"\nUmask:"
_CREDENTIALS = struct.Struct("3i")
_OCTAL = 8
_CHUNK = 1 << 14


class Facts:
    """What a command can see and may do: its roots, namespaces, rights and sandboxes."""

    def __init__(self, process: int | str) -> None:
        """Of a process, or of ourselves (`self`). Raises OSError, ValueError."""
        place = f"/proc/{process}"
        status = _read(f"{place}/status")
        self.umask = int(status[status.index(_UMASK) + len(_UMASK) :].split(None, 1)[0], _OCTAL)
        self._rights = [line for line in status.split(b"\n") if line.startswith(_RIGHTS)]
        self._places = [
            _identity(f"{place}/root"),
            *(_identity(f"{place}/ns/{name}") for name in _NAMESPACES),
        ]
        self._label = _label(place)

    def same(self, other: Facts) -> bool:
        """Whether a command of the one sees and may do what a command of the other does."""
        return (self._rights, self._places, self._label) == (other._rights, other._places, other._label)


def process_of(caller: socket) -> int | None:
    """The process that has connected, of our own user; None: of another, or not to be seen from here."""
    pid, uid, _ = _CREDENTIALS.unpack(caller.getsockopt(SOL_SOCKET, SO_PEERCRED, _CREDENTIALS.size))
    return pid if pid and uid == os.getuid() else None


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- as above
    except FileNotFoundError:  # a kernel without it
        return None
    return found.st_dev, found.st_ino


def _label(place: str) -> bytes:
    """The profile that a security module confines it to."""
    try:
        return _read(f"{place}/attr/current")
    except OSError:  # there is no such module
        return b""


def _read(path: str) -> bytes:
    """All of a small file, without what a file object asks of it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = b""
        while part := os.read(descriptor, _CHUNK):
            data += part
    finally:
        os.close(descriptor)
    return data
