"""Issue 17: a person has added hooks to their Codex, and one that they start (in a tmux of the test's) joins.

The ground truth of what came in is what the fake model was asked.
"""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.codex_review import REFUSE, TRUST
from tests.support.codex_terminal import FOLDER, READY, person
from tests.support.daemon import Roost, signal_pid
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.real import LONG, PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@pytest.fixture
def agents() -> Iterator[Agents]:
    with make_home() as home, kept(home.mark), agents_in(home, "codex", peers=(FOLDER,)) as made:
        yield made


def ours(roost: Roost) -> dict[str, bytes]:
    """The files of the home and the folder that Codex does not keep by itself, and the hooks."""
    own = roost.home.user / ".codex"
    places = (roost.home.user, roost.home.work)
    found = (path for place in places for path in place.rglob("*") if path.is_file())
    return {
        str(path): path.read_bytes()
        for path in found
        if not path.is_relative_to(own) or path.name == "hooks.json"
    }


def test_17_codex_whose_person_has_added_hooks_is_handed_its_mail_once_it_has_joined(agents: Agents) -> None:
    roost = agents.roost
    theirs = roost.home.user / ".codex/hooks.json"
    own = json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "touch stopped"}]}]}})
    theirs.write_text(own)
    before = ours(roost)
    added = roost.cli("hooks", "add", "codex")
    assert (added.returncode, "Trust all and continue" in added.stdout) == (0, True)
    with person(agents, TRUST) as me:
        me.join()
        assert roost.row("me")["kind"] == "joined"
        # in a turn
        os.mkfifo(me.pipe)
        me.tool("cat go; echo one")
        roost.until_state("me", "working")
        within = me.sent("in a turn", when="now")
        me.let_go()
        me.done(within)
        story = [step["what"] for step in roost.message(within["id"])["story"]]
        assert any("into the running turn" in what for what in story), story
        me.at_rest()
        # at the end of a turn
        me.enter(f"@@delay {LONG}@@")
        roost.until_state("me", "working")
        at_end = me.sent("at the end")
        agents.model.delays.end()
        me.done(at_end)
        me.at_rest()
        # at its prompt
        waits = roost.cli("send", "me", "later\n@@silent@@")
        assert "kept until its next turn" in waits.stderr
        me.enter("go on")
        wait_until(lambda: roost.row("me")["queued"] == 0, timeout=PATIENCE, why="it went in")
        me.at_rest()
        stopped = roost.home.work / FOLDER / "stopped"
        wait_until(stopped.exists, timeout=PATIENCE, why="their own hook has run")
        signal_pid(roost.session("me")["agent_pid"], signal.SIGKILL)
        assert roost.until_death("me")["cause"] == "program-ended"
    wait_until(lambda: not roost.home.roost.joinpath("state/joined").exists(), timeout=PATIENCE, why="gone")
    stopped.unlink()
    # Trusted once, they are asked about no more, and whoever has not joined gets nothing.
    with person(agents) as again:
        again.enter("nobody has joined")
        again.pane.wait_for("echo: nobody has joined")
        wait_until(stopped.exists, timeout=PATIENCE, why="their own hook has run again")
    assert roost.cli("hooks", "remove", "codex").returncode == 0
    for made in ("stopped", "go"):
        (roost.home.work / FOLDER / made).unlink()
    assert ours(roost) == before
    with person(agents) as last:
        last.enter("without hooks")
        last.pane.wait_for("echo: without hooks")


def test_17_hooks_that_a_person_does_not_trust_leave_it_a_reader(agents: Agents) -> None:
    roost = agents.roost
    assert roost.cli("hooks", "add", "codex").returncode == 0
    with person(agents, REFUSE) as me:
        me.join()
        assert roost.row("me")["kind"] == "joined-reader"
        sent = me.sent("read by itself")
        me.shell("listen")
        roost.until_message(sent["id"], "done")
        me.at_rest()


def test_17_mail_follows_its_person_into_another_conversation(agents: Agents) -> None:
    roost = agents.roost
    assert roost.cli("hooks", "add", "codex").returncode == 0
    with person(agents, TRUST) as me:
        me.join()
        first = roost.session("me")["conversation"]
        me.enter("/new")
        me.pane.wait_for(READY, without="roost join")
        me.enter("something else")
        wait_until(
            lambda: roost.session("me")["conversation"] != first,
            timeout=PATIENCE,
            why="another conversation",
            describe=me.pane.screen,
        )
        me.at_rest()
        there = me.sent("in the other one")
        me.enter("go on there")
        me.done(there)
