"""Standard output as the place where things are seen.

What changes because it was shown changes after `deliver`. What was changed and cannot be shown there is told
on stderr, by what `note` has kept.
"""

from __future__ import annotations

import errno
import os
import sys
from io import StringIO

from roost.errors import RoostError


class UnshownError(RoostError):
    """It is closed."""

    code = "unshown"


class Closed(StringIO):
    """Standard output that whoever started us has closed: it takes what is written, and nobody sees it."""

    def write(self, text: str, /) -> int:
        """Forget it."""
        return len(text)


class Told:
    """What is said after something was changed."""

    def __init__(self) -> None:
        """Nothing was changed yet."""
        self.lines: list[str] | None = None

    def reset(self) -> None:
        """Nothing was changed yet."""
        self.lines = None

    def changed(self) -> None:
        """Something was changed, so what is said from now on must reach somebody."""
        if self.lines is None:
            self.lines = []

    def note(self, text: str) -> None:
        """This is said."""
        if self.lines is not None:
            self.lines.append(text)


told = Told()
"""Of this process: it has one standard output."""


def write(text: str) -> None:
    """Write to standard output. Raises BrokenPipeError (its reader has gone), UnshownError."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnshownError(error.strerror) from error


def flush() -> None:
    """What was written goes out now, as each line of an endless stream must. Raises as `write`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UnshownError(error.strerror) from error


def deliver() -> None:
    """Return when all that was said has left for a reader; only then may it count as seen.

    Raises as `write`.
    """
    flush()
    if isinstance(sys.stdout, Closed):
        raise UnshownError
    try:
        output = sys.stdout.fileno()
    except OSError:  # it is kept in memory
        return
    import select

    # Linux 6.1: a pipe whose reader has gone tells it, also of what was written before.
    poll = select.poll()
    poll.register(output, 0)
    if any(state & (select.POLLERR | select.POLLHUP) for _, state in poll.poll(0)):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
