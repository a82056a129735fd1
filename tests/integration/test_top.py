"""`roost top` in a real terminal: what it shows, what its keys do, and the terminal that it leaves behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.test_daemon_questions import question_of
from tests.support.daemon import Roost, roost_in, shared_roost
from tests.support.home import Home
from tests.support.pane import Pane
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    yield shared
    shared.clear()


@contextmanager
def shown(roost: Roost, tmp_path: Path, *, size: str = "80x24") -> Iterator[Pane]:
    """`roost top` in a terminal of that size; what the terminal was like is beside it.

    As in a shell that has exported how large its terminal was once.
    """
    width, height = size.split("x")
    words = f"stty -g > before; {sys.executable} -P -m roost top; echo ended with $?; stty -g > after; read x"
    environ = {**roost.environ, "NO_COLOR": "1", "COLUMNS": "120", "LINES": "40"}
    with Pane(tmp_path, ["sh", "-c", words], environ=environ, directory=tmp_path) as pane:
        pane.wait_for("NAME +STATE")
        pane.tmux("resize-window", "-x", width, "-y", height)
        pane.wait_for("NAME +STATE")
        yield pane


def left(pane: Pane, tmp_path: Path, code: int) -> None:
    """It has ended, and the terminal is as it was."""
    screen = pane.wait_for(f"ended with {code}")
    assert "NAME" not in screen
    wait_until(
        lambda: (tmp_path / "after").exists() and (tmp_path / "after").read_text(),
        timeout=PATIENCE,
        why="the terminal's settings were written",
    )
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()


def process(roost: Roost) -> int:
    """The process of `roost top`."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words, environ = path.read_bytes(), (path.parent / "environ").read_bytes()
        except OSError:
            continue
        if words.endswith(b"\0-m\0roost\0top\0") and str(roost.home.root).encode() in environ:
            return int(path.parent.name)
    raise AssertionError("it does not run")


def test_it_shows_the_fleet_as_it_changes_and_does_what_keys_say(roost: Roost, tmp_path: Path) -> None:
    roost.add("alpha")
    roost.add("beta")
    with shown(roost, tmp_path) as pane:
        pane.wait_for(r"2 asleep(?s:.*)alpha +asleep(?s:.*)beta +asleep(?s:.*)has not run yet")
        pane.keys("m")
        pane.wait_for("to alpha")
        pane.keys("-l", "one word")
        pane.wait_for("one word")
        pane.keys("Escape")
        pane.wait_for("alpha", without="to alpha")
        pane.keys("m")
        pane.wait_for("to alpha(?s:.*)one word")
        pane.keys("C-s")
        pane.wait_for("sent to alpha")
        pane.wait_for("alpha +idle")
        (sent,) = roost.call("messages", name="alpha")
        assert sent["text"] == "one word"
        roost.until_message(sent["id"], "done")
        pane.keys("j", "x")
        pane.wait_for("Stop 'beta'")
        pane.keys("n")
        pane.wait_for("beta", without="Stop 'beta'")
        assert roost.row("beta")["state"] == "asleep"
        pane.keys("x")
        pane.wait_for("Stop 'beta'")
        pane.keys("y")
        pane.wait_for("beta +stopped +.*`roost start beta`")
        pane.keys("k", "Enter")
        pane.wait_for("at its prompt(?s:.*)session ")
        pane.keys("Escape")
        roost.add("gamma")
        pane.wait_for("gamma +asleep")
        pane.keys("q")
        left(pane, tmp_path, 0)


def test_a_terminal_is_joined_and_left_again(roost: Roost, tmp_path: Path) -> None:
    roost.add("alpha")
    with shown(roost, tmp_path) as pane:
        pane.wait_for("alpha +asleep")
        pane.keys("a")
        pane.wait_for("demo>")
        pane.keys("C-b", "d")
        pane.wait_for("NAME +STATE(?s:.*)alpha +idle")
        pane.keys("q")
        left(pane, tmp_path, 0)


def test_a_question_is_counted_and_answered_by_its_own_options(roost: Roost, tmp_path: Path) -> None:
    """Its terminal is closed then: whoever ends it so gets the terminal back."""
    roost.add("asker", "demo-acp")
    roost.send("asker", "@@ask@@\nfirst")
    question = question_of(roost, "asker")
    with shown(roost, tmp_path) as pane:
        pane.wait_for(r"1 ask \(\?\)(?s:.*)asker +blocked")
        pane.keys("?")
        pane.wait_for("asker asks")
        pane.wait_for(question["options"][0]["label"])
        pane.keys("Down", "Enter")
        pane.wait_for("answered|denied")
        pane.wait_for("asker +(idle|working)")
        os.kill(process(roost), signal.SIGHUP)
        left(pane, tmp_path, 128 + signal.SIGHUP)
    assert [event["kind"] for event in roost.events() if event["kind"] == "answered"] == ["answered"]


def test_names_and_reasons_are_text_and_a_small_terminal_is_enough(roost: Roost, tmp_path: Path) -> None:
    """It is ended by a signal then: whoever does gets the terminal back."""
    roost.add("alpha")
    roost.send("alpha", "hello", topic="[red]not a colour[/red] \x1b[31m\u202etxt", wait="accepted")
    with shown(roost, tmp_path, size="40x10") as pane:
        screen = pane.wait_for("alpha")
        assert max(map(len, screen.splitlines())) <= 40
        assert "\u202e" not in screen
        os.kill(process(roost), signal.SIGTERM)
        left(pane, tmp_path, 128 + signal.SIGTERM)


def test_a_daemon_that_goes_is_told_and_one_that_comes_is_followed(home: Home, tmp_path: Path) -> None:
    with roost_in(home) as roost:
        roost.add("alpha")
        with shown(roost, tmp_path) as pane:
            pane.wait_for("alpha +asleep")
            roost.kill()
            pane.wait_for("The daemon is not running(?s:.*)as of (?s:.*)alpha +asleep")
            pane.keys("w")
            pane.wait_for("The daemon is not running(?s:.*)The daemon is not running")
            roost.start()
            pane.wait_for("alpha +asleep", without="as of")
            roost.add("beta")
            pane.wait_for("beta +asleep")


def test_it_needs_a_terminal_and_an_operator(roost: Roost) -> None:
    done = roost.cli("top")
    assert done.returncode == 2
    assert (
        done.stderr
        == "roost: `top` needs a terminal that can be drawn on; `roost list` prints the same once\n"
    )


def test_its_package_is_loaded_by_nothing_else() -> None:
    words = "import sys; import roost.cli.main, roost.cli.commands.top; assert 'textual' not in sys.modules"
    subprocess.run([sys.executable, "-c", words], check=True)
