"""Where callers find the process of the native door."""

from __future__ import annotations

import os
from socket import AF_UNIX, SOCK_STREAM, socket

NAME = "door.sock"
_BACKLOG = 512


class Listener:
    """A listening socket, 0600, in the place of any other; it never blocks."""

    def __init__(self, run: str) -> None:
        """In the folder of the sockets. Raises OSError."""
        self._path = f"{run}/{NAME}"
        self.socket = socket(AF_UNIX, SOCK_STREAM)
        before = os.umask(0o177)
        new = f"{self._path}.{os.getpid()}"
        self.socket.bind(new)
        os.umask(before)
        self.socket.listen(_BACKLOG)
        self.socket.setblocking(False)  # noqa: FBT003 -- its only argument
        os.rename(new, self._path)  # noqa: PTH104 -- pathlib is not loaded here
        self._file = _file_at(self._path)

    def is_found(self) -> bool:
        """Whether it is still the one that callers find."""
        return _file_at(self._path) == self._file

    def take(self) -> socket | None:
        """The caller that has come; None: who came has gone, or is another's."""
        try:
            return self.socket.accept()[0]
        except OSError:
            return None


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- as above
    except OSError:
        return None
    return found.st_dev, found.st_ino
