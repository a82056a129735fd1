"""Ctrl-C where somebody can type it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # `signal` itself loads enum: 3 ms

STDIN = 0


def hear_ctrl_c() -> None:
    """Let Ctrl-C end this process when standard input is a terminal, whatever its starter did about it.

    A starter that ignores SIGINT has all that it starts ignore it, and a command that waits until Ctrl-C
    would wait for ever. A shell's background jobs are meant to ignore it: POSIX gives those /dev/null as
    standard input.
    """
    if os.isatty(STDIN) and signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
