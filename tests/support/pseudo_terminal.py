"""A program on a pseudo-terminal of its own: what it shows, what is typed to it, how it ends."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.support.wait import wait_until

PATIENCE = 30.0
_TAKE_TERMINAL = """import fcntl, os, signal, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(number, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])"""


class PseudoTerminal:
    """A program that was started on a terminal of 100 columns and 30 rows, and ignores no signal.

    A command that a script starts in the background ignores SIGINT and SIGQUIT, and so do all below it.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it."""
        self.output = b""
        self._outbox = b""
        self.master, slave = pty.openpty()
        self.before = termios.tcgetattr(slave)
        self.resize(100, 30)
        self.process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env=dict(environment),
        )
        self._slave = slave
        os.set_blocking(self.master, False)

    def resize(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def attributes(self) -> list[Any]:
        """The terminal's present attributes."""
        return termios.tcgetattr(self._slave)

    def pump(self) -> None:
        """Take the program's output and give it what it can take of its input."""
        if self.master < 0:
            return
        while select.select([self.master], [], [], 0)[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                break
            if not data:
                break
            self.output += data
        while self._outbox and select.select([], [self.master], [], 0)[1]:
            try:
                self._outbox = self._outbox[os.write(self.master, self._outbox[:1024]) :]
            except BlockingIOError:
                break

    def until(self, predicate: Callable[[], Any], why: str) -> Any:  # noqa: ANN401 - whatever is awaited
        """Wait for a condition while the terminal is kept going."""

        def check() -> Any:  # noqa: ANN401
            self.pump()
            return predicate()

        return wait_until(check, timeout=PATIENCE, why=why, describe=lambda: self.output[-600:])

    def type(self, data: bytes) -> None:
        self._outbox += data
        self.pump()

    def paste(self, text: str) -> None:
        """Paste as tmux 3.3a does: bracketed, each LF as CR."""
        self.type(b"\x1b[200~" + text.replace("\n", "\r").encode() + b"\x1b[201~")

    def submit(self, text: str) -> None:
        self.paste(text)
        self.type(b"\r")

    def sees(self, pattern: str) -> None:
        """Wait until new output matches; what came before the match's end is then forgotten."""
        found = self.until(lambda: re.search(pattern.encode(), self.output), f"output {pattern!r}")
        self.output = self.output[found.end() :]

    def exit_code(self) -> int:
        """Wait for the end; minus the signal's number when one ended it."""
        self.until(lambda: self.process.poll() is not None, "the end of the program")
        return self.process.returncode

    def hang_up(self) -> None:
        """Close the terminal under the program."""
        os.close(self._slave)
        os.close(self.master)
        self.master = self._slave = -1

    def end(self) -> None:
        """Kill it if it lives (an unreaped child: its pid cannot be another's) and close the terminal."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(PATIENCE)
        if self.master >= 0:
            self.hang_up()
