"""The process at the other end of a Unix socket, as the kernel tells it: nobody can claim to be another."""

import os
import select
import socket
import struct
import sys
from typing import Protocol

from roost.host.errors import SensorError

_SO_PEERPIDFD = 77
"""Linux 6.5: a pidfd on the process that connected, of one that has ended, too."""
_LOCAL, _LOCAL_PEERCRED, _LOCAL_PEERPID = 0, 1, 2
"""macOS, <sys/un.h>."""


class Connection(Protocol):
    """A connected Unix socket."""

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        """See socket(2)."""
        ...


class Remote:
    """The process that connected. Its credentials are those of that moment, whoever uses the socket now.

    `pid`: 0 where it is outside of our pid namespace, so that nothing below us can be meant.
    """

    def __init__(self, uid: int, pid: int, handle: int | None = None) -> None:
        """`handle`: a pidfd on it, which this object owns."""
        self.uid = uid
        self.pid = pid
        self._handle = handle

    @property
    def gone(self) -> bool:
        """Whether it has ended; without a handle that is not known, and False."""
        if self._handle is None:
            return False
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Let go of it."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def remote_of(connection: Connection) -> Remote:
    """Who connected. Raises SensorError."""
    try:
        if sys.platform == "darwin":
            return _on_macos(connection)
        return _on_linux(connection)
    except OSError as error:
        raise SensorError(f"the system does not tell who connected: {error.strerror}") from error


def _on_linux(connection: Connection) -> Remote:
    shape = "3i"
    pid, uid, _ = struct.unpack(
        shape, connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(shape))
    )
    return Remote(uid, pid, _handle(connection, pid) if pid else None)


def _handle(connection: Connection, pid: int) -> int | None:
    """A pidfd; None where the system gives none.

    Before Linux 6.5 it is opened by number: a pid that was used again since it connected cannot be told then.
    """
    try:
        return struct.unpack("i", connection.getsockopt(socket.SOL_SOCKET, _SO_PEERPIDFD, 4))[0]
    except OSError:
        pass
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _on_macos(connection: Connection) -> Remote:
    _, uid = struct.unpack_from("2I", connection.getsockopt(_LOCAL, _LOCAL_PEERCRED, 76))
    (pid,) = struct.unpack("i", connection.getsockopt(_LOCAL, _LOCAL_PEERPID, 4))
    return Remote(uid, pid)
