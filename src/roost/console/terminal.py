"""The terminal: raw mode with bracketed paste, and back."""

import contextlib
import os
import select
import termios
import tty

# Bracketed paste on; automatic wrapping off, so that a line takes one row whatever its characters' widths.
_ENTER = b"\x1b[?2004h\x1b[?7l"
_LEAVE = b"\x1b[?2004l\x1b[?7h\r\n"
_LEAVE_PATIENCE = 0.2
_READ_SIZE = 65536


class Terminal:
    """The terminal on standard input and output."""

    __slots__ = ("_saved", "input", "output")

    def __init__(self) -> None:
        """Take standard input and output; raises termios.error when input is no terminal."""
        self.input = 0
        self.output = 1
        self._saved = termios.tcgetattr(self.input)

    def enter(self) -> None:
        """Switch to raw mode. Input that came before stays (TCSAFLUSH would drop an early paste)."""
        tty.setraw(self.input, termios.TCSANOW)
        self.write(_ENTER)

    def leave(self) -> None:
        """Restore the terminal, without waiting for one that is gone or does not take output."""
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(self.input, termios.TCSANOW, self._saved)
        if select.select([], [self.output], [], _LEAVE_PATIENCE)[1]:
            self.write(_LEAVE)

    def size(self) -> tuple[int, int]:
        """Return (columns, rows), 80 x 24 when unknown."""
        try:
            columns, rows = os.get_terminal_size(self.output)
        except OSError:
            return 80, 24
        return columns or 80, rows or 24

    def read(self) -> bytes:
        """Return what can be read now; b"" means that the terminal is gone."""
        try:
            return os.read(self.input, _READ_SIZE)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Write everything; a terminal that is gone takes nothing and that is no error here."""
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self.output, data) :]
