"""A terminal's device, as the system sees it."""

import os
import sys
import termios

_LOCAL_FLAGS = 3


def last_read(path: str) -> float | None:
    """When somebody last read what comes from a terminal (Unix seconds); None where that cannot be told.

    Linux 6.1: reading a terminal sets its access time, in steps of 8 seconds. In canonical mode what is typed
    cannot be read before its line is complete.
    """
    if sys.platform != "linux":
        return None
    try:
        terminal = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if termios.tcgetattr(terminal)[_LOCAL_FLAGS] & termios.ICANON:
            return None
        return os.fstat(terminal).st_atime
    except (OSError, termios.error):
        return None
    finally:
        os.close(terminal)
