"""`roost top` gives the terminal back: to the shell, to a terminal that is joined, to whoever ends it."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.test_top import left, process, shown
from tests.support.daemon import Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.pane import Pane

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
COMMAND = f"{sys.executable} -P -m roost top"


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def test_it_ends_while_a_terminal_is_joined_and_gives_its_own_back(roost: Roost, tmp_path: Path) -> None:
    roost.add("alpha")
    roost.call("wake", name="alpha")
    with shown(roost, tmp_path) as pane:
        pane.wait_for("alpha +idle")
        pane.keys("a")
        pane.wait_for("demo>")
        os.kill(process(roost), signal.SIGINT)  # what Ctrl-C sends to all of a terminal: not for us now
        os.kill(process(roost), signal.SIGTERM)
        left(pane, tmp_path, 128 + signal.SIGTERM)
        assert roost.row("alpha")["state"] == "idle"


def test_ctrl_z_gives_the_shell_back_and_fg_the_view(roost: Roost, tmp_path: Path) -> None:
    roost.add("alpha")
    shell = ["env", "PS1=shell> ", "bash", "--norc", "--noprofile", "-i"]

    def type_in(words: str) -> None:
        pane.keys("-l", words)
        pane.keys("Enter")

    with Pane(tmp_path, shell, environ=roost.environ, directory=tmp_path) as pane:
        pane.wait_for("shell>")
        type_in(COMMAND)
        pane.wait_for("alpha +asleep")
        pane.keys("C-z")
        pane.wait_for("Stopped", without="alpha +asleep")
        type_in("echo here $((40 + 2))")
        pane.wait_for("(?m)^here 42")
        type_in("fg")
        pane.wait_for("alpha +asleep")
        pane.keys("C-c")
        pane.wait_for("shell>", without="alpha +asleep")
        type_in("echo code $?")
        pane.wait_for("(?m)^code 130")


def test_a_draft_is_kept_while_the_daemon_is_down_and_sent_once(home: Home, tmp_path: Path) -> None:
    with roost_in(home) as roost:
        roost.add("alpha")
        roost.down(agents=True)
        with shown(roost, tmp_path) as pane:
            pane.wait_for("last stored: (?s:.*)alpha ")
            pane.keys("m")
            pane.wait_for("to alpha")
            pane.keys("-l", "kept words")
            pane.keys("C-s")
            pane.wait_for("NAME(?s:.*)The daemon is not running", without="to alpha")
            roost.start()
            pane.wait_for("alpha +asleep", without="last stored")
            pane.keys("m")
            pane.wait_for("to alpha(?s:.*)kept words")
            pane.keys("C-s")
            pane.wait_for("sent to alpha")
            assert [each["text"] for each in roost.call("messages")] == ["kept words"]


def test_where_it_cannot_be_drawn_or_an_agent_asks_one_line_says_so(roost: Roost, tmp_path: Path) -> None:
    (tmp_path / "without").mkdir()
    (tmp_path / "without/sitecustomize.py").write_text("import sys; sys.modules['textual'] = None")
    tries = (f"TERM=dumb {COMMAND}", f"PYTHONPATH=without {COMMAND}", f"ROOST_TOKEN=one {COMMAND}")
    words = "; ".join([*(f"{each}; echo ended with $?" for each in tries), "echo over", "read x"])
    with Pane(tmp_path, ["sh", "-c", words], environ=roost.environ, directory=tmp_path) as pane:
        screen = pane.wait_for("(?m)^over")
        assert screen.index("ended with 2") < screen.index("ended with 1")
        assert "`roost list` prints" in screen
        assert "`pip install 'roost[top]'`" in screen
        assert "is for operators, not for agents" in screen
