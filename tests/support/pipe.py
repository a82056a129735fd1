"""A command of an agent that reads a named pipe, so that a test says when it goes on."""

import errno
import os
from pathlib import Path

from tests.support.wait import wait_until


def let_go(pipe: Path, *, timeout: float) -> None:
    """Have the command that reads the pipe go on, once it does; NeverHappenedError when it never does."""

    def read() -> bool:
        try:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return False
        return True

    wait_until(read, timeout=timeout, why="the command reads")
