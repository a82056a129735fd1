"""`roost list --watch` on a real terminal, against a real daemon."""

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import ioctl

import pytest

from tests.support.daemon import PATIENCE, Roost, roost_in
from tests.support.home import Home

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
INTERRUPTED = 130
NARROW = 50
"""Columns of a terminal that somebody has made smaller."""


class Watching:
    """`roost list --watch` on a terminal of its own; `shown` is all that it wrote."""

    def __init__(self, roost: Roost, lines: int) -> None:
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, 100, 0, 0))
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "roost", "list", "--watch"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={**roost.environ, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100", "LINES": "40"},
            start_new_session=True,
        )
        os.close(slave)

    def until(self, pattern: str) -> str:
        """Read until a frame shows it; returns that frame."""
        while True:
            frame = self.shown.rpartition("\x1b[H")[2]
            if frame.endswith("\x1b[J") and re.search(pattern, frame):
                return frame
            if not self.read():
                raise AssertionError(f"{pattern} was not shown: {self.shown[-2000:]!r}")

    def read(self) -> bool:
        if not select.select([self.master], [], [], PATIENCE)[0]:
            return False
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.shown += data.decode()
        return bool(data)

    def end(self, number: int) -> int:
        """Its exit code after this signal."""
        self.process.send_signal(number)
        while self.read():
            pass
        return self.process.wait(PATIENCE)


@contextmanager
def watching(roost: Roost, lines: int = 12) -> Iterator[Watching]:
    shown = Watching(roost, lines)
    try:
        yield shown
    finally:
        if shown.process.poll() is None:
            shown.process.kill()
        shown.process.wait(PATIENCE)
        os.close(shown.master)


def test_the_list_goes_on_through_a_restart_and_gives_the_terminal_back(home: Home) -> None:
    """15.7: changes show at once, a daemon that goes away is told of, and Ctrl-C leaves nothing behind."""
    with roost_in(home) as roost:
        roost.add("reviewer")
        with watching(roost) as shown:
            shown.until(r"reviewer +demo +asleep")
            roost.call("stop", name="reviewer")
            shown.until(r"reviewer +demo +stopped")
            roost.add("tester")
            shown.until("tester")
            roost.call("remove", name="tester", force=True)
            shown.until(r"\A(?!(?s:.)*tester)")
            roost.kill()
            assert "reviewer" in shown.until("the daemon is away")
            roost.start()
            roost.call("start", name="reviewer")
            assert "away" not in shown.until(r"reviewer +demo +asleep")
            assert shown.end(signal.SIGINT) == INTERRUPTED
            assert shown.shown.index("\x1b[?1049h") < shown.shown.index("\x1b[?1049l")
            assert "interrupted" in shown.shown.rpartition("\x1b[?1049l")[2]
        for number in range(8):
            roost.add(f"worker-{number}")
        with watching(roost, lines=5) as shown:
            frame = shown.until(r"\.\.\. \d+ more lines")
            assert frame.count("\n") == 4
            assert max(map(len, frame.splitlines())) > NARROW
            ioctl(shown.master, termios.TIOCSWINSZ, struct.pack("HHHH", 5, NARROW, 0, 0))
            shown.until(rf"\A(?!(?s:.)*[^\n]{{{NARROW + 1}}})")
            assert shown.end(signal.SIGTERM) == 128 + signal.SIGTERM
            assert shown.shown.rstrip().endswith("\x1b[?1049l")


def test_without_a_terminal_or_a_daemon_it_is_refused(home: Home) -> None:
    roost = Roost(home)
    told = roost.cli("list", "--watch")
    assert told.returncode == 2
    assert "roost events --follow" in told.stderr
    with watching(roost) as shown:
        while shown.read():
            pass
        assert shown.process.wait(PATIENCE) == 5
        assert "roost up" in shown.shown
        assert "\x1b[?1049h" not in shown.shown
