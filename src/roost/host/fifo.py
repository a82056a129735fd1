"""A named pipe that others write lines to: each is heard as it comes, so that nobody has to look.

Nothing may depend on it: a line is lost when nobody listens, when the pipe is full, when it is long.
"""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

from roost.host.errors import SensorError
from roost.host.files import PRIVATE_FILE

_MOST = 65536


class Fifo:
    """Calls back in the running loop with each line."""

    def __init__(self, path: Path, heard: Callable[[bytes], None]) -> None:
        """Listen at `path`, which is made where it is missing. Raises SensorError."""
        try:
            if path.exists() and not stat.S_ISFIFO(path.lstat().st_mode):
                path.unlink()
            if not path.exists():
                os.mkfifo(path, PRIVATE_FILE)
            # Open for writing as well: the pipe has no end when a writer closes it.
            self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            raise SensorError(f"{path} cannot be listened at: {error.strerror}") from error
        self._loop = asyncio.get_running_loop()
        self._heard = heard
        self._rest = b""
        self._loop.add_reader(self._pipe, self._read)

    def _read(self) -> None:
        try:
            *whole, self._rest = (self._rest + os.read(self._pipe, _MOST)).split(b"\n")
        except BlockingIOError:
            return
        for line in whole:
            self._heard(line)

    def cancel(self) -> None:
        """Listen no more; harmless when repeated."""
        if self._pipe >= 0:
            self._loop.remove_reader(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
