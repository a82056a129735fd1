"""What a command asks of its caller: to connect, to become another program, to end as the command ended."""

from __future__ import annotations

import errno
import os
import struct
import threading
import time
from array import array
from socket import AF_UNIX, MSG_PEEK, SCM_RIGHTS, SOCK_STREAM, SOL_SOCKET, socket

from roost.cli.door.request import take

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roost.cli.door.request import Request

BEGUN, NO, STATUS, KILLED = b"B", b"N", b"S", b"K"
CONNECT, BECOME, HERE = b"C", b"X", b"F"
_HEAD = struct.Struct("=c3xI")
_AGAIN = 0.01
"""Seconds until a daemon that had no room for another connection is tried again."""


class Link:
    """The connection to the caller, as client.c speaks on it."""

    def __init__(self, caller: socket, request: Request) -> None:
        """With the first connection to the daemon, which the caller has opened already."""
        self.end = request.end
        self._caller = caller
        self._path = os.fsdecode(request.daemon)
        self._first: int | None = request.connection
        self._turn = threading.Lock()

    def begins(self) -> bool:
        """Whether the command is ours to run: once this is so, the caller does not run it itself.

        It is told by which descriptor it reaches us.
        """
        try:
            if not os.read(self.end, 1):
                return False
            itself = os.pidfd_open(os.getpid())
            say(self._caller, BEGUN, descriptor=itself)
        except OSError:  # it has taken its word back, or gone
            return False
        os.close(itself)
        return True

    def connect(self, path: str, patience: float | None) -> socket:
        """Connect to the daemon, as the caller. Raises OSError."""
        deadline = None if patience is None else time.monotonic() + patience
        with self._turn:
            if path == self._path and self._first is not None:
                first, self._first = _connected(self._first, 0), None
                if _stands(first):
                    first.settimeout(patience)
                    return first
                first.close()
        while True:
            with self._turn:
                say(self._caller, CONNECT, os.fsencode(path))
                what, data, handed = self._heard()
            if what == HERE and handed:
                return _connected(handed[0], patience)
            error = _error(data)
            if error.errno != errno.EAGAIN:
                raise error
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError
            time.sleep(_AGAIN)

    def become(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Have the caller become a program, found as `os.execvpe` finds it. Raises OSError."""
        missing: OSError | None = None
        variables = [f"{name}={value}" for name, value in environ.items()]
        folders = [""] if "/" in command[0] else os.get_exec_path(dict(environ))
        for folder in folders:
            program = os.path.join(folder, command[0])  # noqa: PTH118 -- as os.execvpe
            error = self._become([str(len(command)), program, *command[1:], *variables])
            if not isinstance(error, FileNotFoundError | NotADirectoryError):
                raise error
            missing = missing or error
        raise missing or FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))

    def _become(self, texts: Sequence[str]) -> OSError:
        with self._turn:
            say(self._caller, BECOME, b"".join(os.fsencode(text) + b"\0" for text in texts))
            return _error(self._heard()[1])

    def _heard(self) -> tuple[bytes, bytes, list[int]]:
        head, handed = take(self._caller, _HEAD.size, 1)
        what, size = _HEAD.unpack(head)
        return what, take(self._caller, size, 0)[0], handed


def say(caller: socket, what: bytes, data: bytes = b"", descriptor: int | None = None) -> None:
    """Tell a caller one thing. Raises OSError."""
    text = _HEAD.pack(what, len(data)) + data
    beside = [] if descriptor is None else [(SOL_SOCKET, SCM_RIGHTS, array("i", [descriptor]))]
    sent = caller.sendmsg([text], beside)
    if sent < len(text):
        caller.sendall(text[sent:])


def _connected(descriptor: int, patience: float | None) -> socket:
    connection = socket(AF_UNIX, SOCK_STREAM, 0, descriptor)
    connection.settimeout(patience)
    return connection


def _stands(connection: socket) -> bool:
    """Whether a connection on which nothing was said is as it was: its daemon may have gone meanwhile."""
    try:
        connection.recv(1, MSG_PEEK)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False


def _error(data: bytes) -> OSError:
    number = int.from_bytes(data[:4], "little") or errno.EIO
    return OSError(number, os.strerror(number))
