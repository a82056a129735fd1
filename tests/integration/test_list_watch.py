"""`roost list --watch` on a real terminal, against a real daemon."""

import gc
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from typing import cast

import pytest

from roost.cli.app import App
from roost.cli.live_list import LiveList
from tests.support.daemon import PATIENCE, Roost, roost_in
from tests.support.home import Home
from tests.support.pane import Pane

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
INTERRUPTED = 130
NARROW = 50
"""Columns of a terminal that somebody has made smaller."""


class Told(dict[str, object]):
    """A change, of which it can be seen whether somebody keeps it."""


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
        for number in (signal.SIGHUP, signal.SIGQUIT):
            with watching(roost) as shown:
                shown.until("worker-7")
                assert shown.end(number) == 128 + number
                assert shown.shown.rstrip().endswith("\x1b[?1049l")


def test_ctrl_z_gives_the_shell_its_screen_and_fg_shows_it_again(home: Home) -> None:
    with roost_in(home) as roost:
        roost.add("reviewer")
        environ = {**roost.environ, "PS1": "shell> "}
        with Pane(home.root, ["bash", "--norc"], environ=environ, directory=home.work) as pane:

            def screen() -> str:
                return pane.tmux("display-message", "-p", "-t", ":", "#{alternate_on} #{cursor_flag}").strip()

            pane.wait_for("shell>")
            pane.keys(f"{sys.executable} -m roost list --watch", "Enter")
            pane.wait_for("reviewer +demo", without="shell>")
            assert screen() == "1 0"
            pane.keys("C-z")
            pane.wait_for("Stopped(?s:.*)shell>")
            assert screen() == "0 1"
            pane.keys("fg", "Enter")
            pane.wait_for("reviewer +demo", without="shell>")
            assert screen() == "1 0"
            pane.keys("C-c")
            pane.wait_for("interrupted")
            assert screen() == "0 1"


def test_of_what_changed_while_the_terminal_stood_still_only_the_latest_is_kept() -> None:
    """Ctrl-S, or a shell on a line that has gone: each change was kept until it could be drawn."""
    told: list[weakref.ref[Told]] = []

    class EnoughError(Exception):
        pass

    class TellsApp:
        def call(
            self, _method: str, _asked: object, *, on_event: Callable[[object], None], patience: None
        ) -> None:
            assert patience is None
            for number in range(100):
                change = Told(rows=[{"name": "a", "number": number}], gone=[])
                told.append(weakref.ref(change))
                on_event(change)
                del change
            raise EnoughError

    live = LiveList(cast("App", TellsApp()), everywhere=False)
    with pytest.raises(EnoughError):
        live._follow()
    gc.collect()
    assert [each for each in told if each() is not None] == []
    assert [row["number"] for row in live._rows.values()] == [99]


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
