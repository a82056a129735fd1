"""A stream of lines, read and written without waiting for its other end."""

import errno
import os
from collections import deque
from collections.abc import Callable, Iterator

from roost.acp.loop import READ, WRITE, Loop

_PIECE = 1 << 18
_AT_ONCE = 16
"""Pieces that are read before others have their turn."""


class Lines:
    """Takes bytes and gives whole lines. A line of more than `most` bytes is passed over, and counted."""

    __slots__ = ("_buffer", "_most", "_searched", "_skips", "skipped")

    def __init__(self, most: int) -> None:
        """Begin at the beginning of a line."""
        self._buffer = bytearray()
        self._searched = 0
        self._skips = False
        self._most = most
        self.skipped = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The lines that these bytes complete, without their ends."""
        self._buffer += data
        while (end := self._buffer.find(b"\n", self._searched)) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            if self._skips or len(line) > self._most:
                self.skipped += not self._skips
                self._skips = False
            else:
                yield line
        self._searched = len(self._buffer)
        if self._searched > self._most:
            self.skipped += not self._skips
            self._skips = True
        if self._skips:
            self._buffer.clear()
            self._searched = 0


class Stream:
    """Two ends of a pipe, or a socket. `gone` is called once, when nothing more can come."""

    def __init__(self, loop: Loop, reads: int, writes: int, take: Callable[[bytes], None]) -> None:
        """Own these descriptors, which may be one; `take` gets what is read, when `open` has been called."""
        self._loop = loop
        self._reads = reads
        self._writes = writes
        self._take = take
        self._pending: deque[memoryview] = deque()
        self.gone: Callable[[], None] = lambda: None
        self.pending = 0
        """Bytes that are to be written."""
        self.written = 0
        """Bytes that were written."""
        self.closed = False
        for descriptor in {reads, writes} - {-1}:
            os.set_blocking(descriptor, False)

    def open(self) -> None:
        """Begin to read."""
        self._watch()

    @property
    def writes(self) -> int:
        """The descriptor that is written to."""
        return self._writes

    def write(self, data: bytes) -> None:
        """Write this after all that was given before, at once or as soon as it is taken."""
        if self.closed or self._writes < 0:
            return
        self._pending.append(memoryview(data))
        self.pending += len(data)
        self._flush()

    def end(self) -> None:
        """Tell the other side that nothing more comes; what it still says is read."""
        if self.closed or self._writes < 0:
            return
        if self._writes != self._reads:
            self._loop.watch(self._writes, 0, self._on_write)
            os.close(self._writes)
        self._pending.clear()
        self._writes = -1

    def close(self) -> None:
        """Let go of it; what was not written or read is lost."""
        if self.closed:
            return
        self.closed = True
        self._pending.clear()
        for descriptor in {self._reads, self._writes} - {-1}:
            self._loop.watch(descriptor, 0, self._on_event)
            os.close(descriptor)
        self._reads = self._writes = -1

    def drain(self) -> None:
        """Read what there is now, however much."""
        while self._reads >= 0 and self._read():
            pass

    def _watch(self) -> None:
        if self.closed:
            return
        wants = WRITE if self._pending else 0
        if self._reads < 0:
            if self._writes >= 0:
                self._loop.watch(self._writes, wants, self._on_write)
            return
        if self._reads == self._writes:
            self._loop.watch(self._reads, READ | wants, self._on_event)
            return
        self._loop.watch(self._reads, READ, self._on_event)
        if self._writes >= 0:
            self._loop.watch(self._writes, wants, self._on_write)

    def _on_write(self, _events: int) -> None:
        self._flush()

    def _on_event(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ:
            for _ in range(_AT_ONCE):
                if self._reads < 0 or not self._read():
                    break

    def _read(self) -> bool:
        """Read once; whether there may be more."""
        try:
            data = os.read(self._reads, _PIECE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if data:
            self._take(data)
            return True
        self._broken()
        return False

    def _flush(self) -> None:
        try:
            while self._pending:
                first = self._pending[0]
                count = os.write(self._writes, first)
                self.written += count
                self.pending -= count
                if count == len(first):
                    self._pending.popleft()
                else:
                    self._pending[0] = first[count:]
        except BlockingIOError:
            pass
        except OSError as error:
            if error.errno == errno.EINTR:
                return
            # What the other side has said before it broke is still to be read; the end of that tells.
            self._pending.clear()
            self.pending = 0
        self._watch()

    def _broken(self) -> None:
        """Nothing more comes; what was written may still be read."""
        if self._reads == self._writes:
            self.close()
        else:
            self._loop.watch(self._reads, 0, self._on_event)
            os.close(self._reads)
            self._reads = -1
        self.gone()
