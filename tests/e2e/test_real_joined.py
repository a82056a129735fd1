"""Issue 17: Claude Code that a person started in a terminal of theirs (a tmux of the test's) joins.

The ground truth of what came in is what the fake model was asked.
"""

import json
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.daemon import Record, Roost, signal_pid
from tests.support.home import make_home
from tests.support.pane import Pane
from tests.support.processes import kept
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

FOLDER = "w"
_PROGRAMS_OWN = (".claude.json", ".claude/", ".cache/", ".config/mimeapps.list", ".local/share/applications/")
"""What Claude Code 2.1.332 writes into a home by itself."""


@pytest.fixture
def agents() -> Iterator[Agents]:
    with make_home() as home, kept(home.mark), agents_in(home, "claude", peers=(FOLDER,)) as made:
        yield made


@dataclass
class Person:
    """Somebody at a terminal, who has typed `claude` there."""

    pane: Pane
    roost: Roost
    agents: Agents

    def enter(self, text: str) -> None:
        """Type a prompt, and press Enter until it is taken."""
        self.pane.tmux("send-keys", "-t", ":", "-l", text)
        prompt = rf"─\n❯\s+{re.escape(text[:40])}"
        self.pane.wait_for(prompt)
        self.pane.dismiss(("Enter",), prompt)

    def shell(self, *words: str) -> None:
        """Have its model run a command of roost's."""
        command = " ".join([sys.executable, "-m", "roost", *words])
        self.enter(f"@@tool Bash {json.dumps({'command': command})}@@")

    def join(self, *words: str) -> None:
        self.shell("join", "me", *words)
        wait_until(
            lambda: "me" in {row["name"] for row in self.roost.call("list")},
            timeout=PATIENCE,
            why="a peer",
            describe=self.pane.screen,
        )
        self.roost.until_state("me", "idle")

    def sent(self, text: str, **how: str) -> Record:
        """A message that its model, which has no tool of ours, does not answer."""
        return self.roost.send("me", f"{text}\n@@silent@@", **how)

    def shown(self, sent: Record) -> int:
        """How often the model was told the message, in the conversation as it was asked last."""
        header = f"[roost message {sent['id']} from "
        turns = [arrival for arrival in self.agents.model.journal.all() if arrival.kind == "turn"]
        return max((sum(text.count(header) for text in turn.user_texts) for turn in turns), default=0)

    def done(self, sent: Record) -> None:
        """The message came in, once, and its turn has ended."""
        self.roost.until_message(sent["id"], "done")
        assert self.shown(sent) == 1


@contextmanager
def person(agents: Agents, *words: str) -> Iterator[Person]:
    roost = agents.roost
    given = {name[4:]: value for name, value in agents.settings["claude"].items() if name.startswith("env.")}
    folder = roost.home.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    command = ["claude", "--allowedTools", "Bash", *words]
    with Pane(roost.home.root, command, environ={**roost.environ, **given}, directory=folder) as pane:
        pane.wait_for("❯")
        yield Person(pane, roost, agents)


def files(home: Path, folder: Path) -> dict[str, bytes]:
    """The files of a home and a folder by their names, without those that Claude Code itself keeps there."""
    found = [path for place in (home, folder) for path in place.rglob("*") if path.is_file()]
    named = {str(path): path for path in found}
    own = tuple(str(home / name) for name in _PROGRAMS_OWN)
    kept = {name: path.read_bytes() for name, path in named.items() if not name.startswith(own)}
    settings = home / ".claude/settings.json"
    return {**kept, str(settings): settings.read_bytes()}


def test_17_mail_comes_in_at_rest_in_a_turn_and_at_its_end_and_nothing_is_left(agents: Agents) -> None:
    """It leaves; it joins anew, is killed, and another conversation in its place is not taken for it."""
    roost = agents.roost
    with person(agents) as me:
        before = files(roost.home.user, roost.home.work / FOLDER)
        me.join()
        assert roost.row("me")["kind"] == "joined"
        # at rest right after the turn that joined, beside a draft
        me.pane.tmux("send-keys", "-t", ":", "-l", "a draft of mine")
        me.pane.wait_for("a draft of mine")
        me.done(me.sent("at rest"))
        assert "a draft of mine" in me.pane.screen()
        me.pane.tmux("send-keys", "-t", ":", "C-u")
        # at rest after a later turn
        roost.until_state("me", "idle")
        me.done(me.sent("at rest again"))
        roost.until_state("me", "idle")
        # in a turn
        me.enter('@@tool Bash {"command":"sleep 3; echo one"}@@')
        roost.until_state("me", "working")
        within = me.sent("in a turn", when="now")
        me.done(within)
        story = [step["what"] for step in roost.message(within["id"])["story"]]
        assert any("into the running turn" in what for what in story), story
        roost.until_state("me", "idle")
        # at the end of a turn
        me.enter("@@delay 3@@")
        roost.until_state("me", "working")
        me.done(me.sent("at the end"))
        roost.until_state("me", "idle")
        me.shell("send", "operator", "an-answer")
        wait_until(
            lambda: "an-answer" in [item["body"] for item in roost.call("inbox", name="operator")],
            timeout=PATIENCE,
            why="it answers by its shell",
        )
        roost.until_state("me", "idle")  # what is typed in a turn is no prompt of its own
        me.shell("leave")
        assert roost.until_death("me")["cause"] == "left"
        assert files(roost.home.user, roost.home.work / FOLDER) == before
        assert roost.row("me")["session"] is None
        # joined anew, and killed
        me.shell("join", "me")
        wait_until(lambda: roost.row("me")["session"], timeout=PATIENCE, why="it is back")
        roost.until_state("me", "idle")
        conversation = roost.session("me")["conversation"]
        signal_pid(roost.session("me")["agent_pid"], signal.SIGKILL)
        assert roost.until_death("me", 2)["cause"] == "program-ended"
    kept = roost.send("me", "while it is away")
    with person(agents) as other:
        other.shell("join", "me")
        other.pane.wait_for("another conversation")
    assert roost.row("me")["queued"] == 1
    assert roost.message(kept["id"])["state"] == "queued"
    assert roost.call("show", name="me")["conversation"] == conversation


def test_17_adopted_it_goes_on_here_while_nobody_runs_it_and_is_its_persons_again(agents: Agents) -> None:
    roost = agents.roost
    with person(agents) as me:
        me.join("--adopt")
        assert roost.call("show", name="me")["settings"]["away"] == "resume"
        conversation = roost.session("me")["conversation"]
        me.done(me.sent("to the person"))
        roost.until_state("me", "idle")
    assert roost.until_death("me")["cause"] == "program-ended"
    here = me.sent("to nobody")
    me.done(here)
    session = roost.session("me")
    assert (roost.row("me")["kind"], session["wake_cause"]) == ("terminal", "away-resume")
    assert session["conversation"] == conversation
    roost.until_state("me", "idle")
    roost.call("sleep", name="me")
    assert roost.until_death("me", 2)["cause"] == "operator-stop"
    with person(agents, "--resume", conversation) as again:
        # Its conversation holds what came in while nobody ran it, and mail waits until they join.
        again.pane.wait_for("to nobody")
        wait_until(
            lambda: roost.call("show", name="me")["held_by"],
            timeout=PATIENCE,
            why="the conversation is known to be open",
            describe=again.pane.screen,
        )
        waits = again.sent("before it has joined")
        assert "open in process" in roost.until_state("me", "blocked")["why"]
        again.shell("join", "me")
        again.done(waits)
        assert roost.row("me")["kind"] == "joined"
        assert roost.session("me")["conversation"] == conversation
        roost.until_state("me", "idle")
        again.shell("leave")
        assert "left" in [death["cause"] for death in roost.deaths("me")]
