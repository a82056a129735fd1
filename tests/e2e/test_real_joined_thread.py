"""Issue 17: a person has typed `codex`, which runs in the server that all of their terminals share; it joins.

The ground truth of what came in is what the fake model was asked.
"""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_real_files import by_patch, told_once
from tests.support.codex_terminal import FOLDER, end_server, person, without_plugins
from tests.support.daemon import signal_pid
from tests.support.home import Home, make_home
from tests.support.processes import kept
from tests.support.real import LONG, PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@pytest.fixture
def agents() -> Iterator[Agents]:
    with make_home() as home, kept(home.mark), agents_in(home, "codex", peers=(FOLDER,)) as made:
        without_plugins(home)
        yield made


def ours(home: Home) -> dict[str, bytes]:
    """The files of the home that Codex does not keep by itself, and those that its folder hides."""
    own = home.user / ".codex"
    found = [path for path in home.user.rglob("*") if path.is_file() and not path.is_relative_to(own)]
    return {str(path): path.read_bytes() for path in (*found, *home.work.rglob(".*"))}


def test_17_codex_in_its_shared_server_is_told_at_rest_in_a_turn_and_at_its_end(agents: Agents) -> None:
    roost, before = agents.roost, ours(agents.roost.home)
    try:
        with person(agents, words=()) as me:
            me.join()
            server = roost.session("me")["server_pid"]
            assert b"--managed-daemon" in Path(f"/proc/{server}/cmdline").read_bytes()
            me.done(me.sent("at rest"))
            me.pane.wait_for("at rest")  # they see it in their terminal
            me.at_rest()
            me.enter(f"@@delay {LONG}@@")
            roost.until_state("me", "working")
            within = me.sent("in a turn", when="now")
            wait_until(
                lambda: roost.message(within["id"])["attempts"],
                timeout=PATIENCE,
                why="it is given to it",
            )
            at_end = me.sent("at the end")
            agents.model.delays.end()
            me.done(within)
            me.done(at_end)
            me.at_rest()
            # what its shell runs is that peer
            me.shell("send", "operator", "from its shell")
            wait_until(
                lambda: [item["from"] for item in roost.call("inbox", name="operator")] == ["me"],
                timeout=PATIENCE,
                why="its own message",
                describe=me.pane.screen,
            )
            me.at_rest()
            told_once(agents, by_patch, "me", FOLDER)
            # they leave their terminal: the conversation goes on in Codex's server, and takes mail
            me.pane.tmux("send-keys", "-t", ":", "-l", "/quit")
            me.pane.wait_for("/quit")
            me.pane.keys("Enter")
            me.done(me.sent("while they are away"))
            signal_pid(server, signal.SIGKILL)
            assert roost.until_death("me")["cause"] == "server-gone"
    finally:
        end_server(agents.roost.home)
    assert ours(agents.roost.home) == before
    assert "roost" not in (agents.roost.home.user / ".codex/config.toml").read_text()
