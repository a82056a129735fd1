"""The daemon, whose loop hangs from SIGUSR2 on, while threads of it go on."""

import signal
import sys
import threading
import time
from types import FrameType

from roost.daemon.__main__ import leave, main

HANGS = "the loop hangs"
"""What it says then."""
DEPTH = 900


def _go_on(depth: int = 0) -> None:
    """Call and return without an end: whoever reads the stack finds another one."""
    while depth < DEPTH:
        _go_on(depth + 1)
        if depth:
            return


def _hang_here(_number: int, _frame: FrameType | None) -> None:
    for _ in range(3):
        threading.Thread(target=_go_on, daemon=True).start()
    sys.stderr.write(f"{HANGS}\n")
    time.sleep(600)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, _hang_here)
    leave(main())
