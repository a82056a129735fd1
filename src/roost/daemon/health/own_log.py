"""daemon.log: what the daemon itself writes to its standard error, bounded like the other logs."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from roost.daemon.state.threads import BusyError, HungError, Threads
from roost.host.errors import UnsafeDirectory
from roost.host.files import PRIVATE_FILE, ensure_private_directory
from roost.host.interfaces.clock import Clock
from roost.host.shimlib.logfile import rotate

EVERY = 30.0
"""Seconds between two looks at its size."""
_STREAMS = (1, 2)


class OwnLog:
    """Rotates the file that our standard streams are; streams that go elsewhere are left alone."""

    def __init__(self, path: Path, size: int, files: int, clock: Clock, threads: Threads) -> None:
        """Rotate `path` at `size` bytes, `files` files in all."""
        self._path = path
        self._size = size
        self._files = files
        self._clock = clock
        self._threads = threads

    async def run(self) -> None:
        """Look for ever. Streams that were the log stay ours, whatever the path names later."""
        ours: Sequence[int] = ()
        while True:
            with suppress(HungError, BusyError):
                ours = ours or await self._threads.run(streams_of, self._path)
                if ours:
                    await self._threads.run(turn, self._path, ours, self._size, self._files)
            await self._clock.sleep(EVERY)


def streams_of(path: Path) -> list[int]:
    """Blocking: which of our standard streams are this file."""
    try:
        there = path.stat()
        return [each for each in _STREAMS if os.path.samestat(os.fstat(each), there)]
    except OSError:
        return []


def turn(path: Path, ours: Sequence[int], size: int, files: int) -> None:
    """Blocking: begin a new file where ours has become too large, or its path does not name it any more.

    A person, or a logrotate of theirs, may have removed or moved it, or its folder. One that cannot be begun
    is no matter.
    """
    try:
        written = os.fstat(ours[-1])
        if path.exists() and os.path.samestat(path.stat(), written):
            if written.st_size < size:
                return
            rotate(str(path), ours[-1], files)
        ensure_private_directory(path.parent)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        begun = os.open(path, flags | os.O_NONBLOCK, PRIVATE_FILE)  # a pipe put there is not waited for
    except (OSError, UnsafeDirectory):
        return
    for stream in ours:
        os.dup2(begun, stream)
    os.close(begun)
