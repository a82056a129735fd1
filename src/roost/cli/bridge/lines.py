"""Lines from a pipe and to one, as MCP has them: one message of JSON-RPC each."""

from __future__ import annotations

import os
from threading import Lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST = 8 * 1024 * 1024
"""Bytes of a line; the daemon takes no longer ones."""
_CHUNK = 64 * 1024


class Input:
    """Cuts what comes into lines."""

    def __init__(self) -> None:
        """Nothing has come."""
        self._begun: list[bytes] = []
        self._size = 0

    def take(self, chunk: bytes) -> Iterator[bytes | None]:
        """The lines that this ends; None for one that is too long."""
        first, *more = chunk.split(b"\n")
        self._add(first)
        for each in more:
            yield b"".join(self._begun) if self._size <= LONGEST else None
            self._begun, self._size = [], 0
            self._add(each)

    def _add(self, part: bytes) -> None:
        self._size += len(part)
        if self._size <= LONGEST:
            self._begun.append(part)
        else:
            self._begun.clear()


def read(descriptor: int) -> bytes:
    """What has come; nothing at the end."""
    try:
        return os.read(descriptor, _CHUNK)
    except OSError:  # closed, or a terminal that is gone
        return b""


class Output:
    """Writes whole lines, whoever else does."""

    def __init__(self, descriptor: int) -> None:
        """Write there."""
        self._descriptor = descriptor
        self._writing = Lock()

    def write(self, line: str) -> None:
        """Return when it has left for its reader. Raises OSError."""
        data = memoryview(line.encode("utf-8", "backslashreplace") + b"\n")
        with self._writing:
            while data:
                data = data[os.write(self._descriptor, data) :]

    def close(self, patience: float) -> None:
        """Write nothing more once the line that is being written is whole, or after so many seconds."""
        self._writing.acquire(timeout=patience)
