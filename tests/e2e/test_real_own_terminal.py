"""Issue 17: Claude Code and Codex in a person's own terminal (a tmux of the test's) take their mail by hooks.

The ground truth of what came in is what the fake model was asked.
"""

import os
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
from tests.support.pipe import let_go
from tests.support.processes import kept
from tests.support.real import LONG, PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(720)]

FOLDER = "w"
_PROGRAMS_OWN = (".claude.json", ".claude/", ".cache/", ".config/mimeapps.list", ".local/share/applications/")
"""What Claude Code 2.1.332 writes into a home by itself."""
_CONFIGS = {"codex-thread": ".codex/config.toml", "opencode": ".config/opencode/opencode.json"}
_ARGUMENTS = {"codex-thread": ("--disable", "plugins"), "opencode": ()}


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    with make_home() as home, kept(home.mark), agents_in(home, "claude", peers=(FOLDER,)) as made:
        yield made


@pytest.fixture
def codex() -> Iterator[Agents]:
    with make_home() as home, kept(home.mark), agents_in(home, "codex", peers=(FOLDER,)) as made:
        yield made


@dataclass
class Person:
    """Somebody at a terminal, who has typed `roost run me -- claude`."""

    pane: Pane
    roost: Roost
    agents: Agents

    def enter(self, text: str) -> None:
        """Type a prompt; it is entered once it stands there."""
        self.draft(text)
        self.pane.tmux("send-keys", "-t", ":", "Enter")

    def draft(self, text: str) -> None:
        self.pane.tmux("send-keys", "-t", ":", "-l", text)
        self.pane.wait_for(re.escape(text))

    def asked(self) -> list[str]:
        """All that the model was told in the latest turn of the conversation."""
        turns = [arrival for arrival in self.agents.model.journal.all() if arrival.kind == "turn"]
        return list(turns[-1].user_texts) if turns else []

    def done(self, sent: Record) -> None:
        """The message came in, once, and its turn has ended."""
        self.roost.until_message(sent["id"], "done")
        header = f"[roost message {sent['id']} from "
        assert sum(text.count(header) for text in self.asked()) == 1

    @property
    def pipe(self) -> Path:
        """A command that reads it goes on once it is let go."""
        return self.roost.home.work / FOLDER / "go"

    def let_go(self) -> None:
        """Have the command that reads the pipe go on, once it does."""
        let_go(self.pipe, timeout=PATIENCE)

    def at_rest(self) -> None:
        self.roost.until_state("me", "idle")


@contextmanager
def person(agents: Agents, *words: str) -> Iterator[Person]:
    """`me` runs in a terminal of the test's own; at the end it has left."""
    roost = agents.roost
    agents.model.delays.begin()
    settings = agents.settings[agents.runtime]
    given = {name[4:]: value for name, value in settings.items() if name.startswith("env.")}
    folder = roost.home.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    known = len(roost.deaths("me")) if "me" in {row["name"] for row in roost.call("list")} else 0
    command = [sys.executable, "-m", "roost", "run", "me", *(words or ("--", "claude"))]
    with Pane(roost.home.root, command, environ={**roost.environ, **given}, directory=folder) as pane:
        wait_until(
            lambda: "me" in {row["name"] for row in roost.call("list")}, timeout=PATIENCE, why="a peer"
        )
        if agents.runtime != "codex":  # what that does is known from its first turn on
            roost.until_state("me", "idle")
        yield Person(pane, roost, agents)
    roost.until_death("me", known + 1)


def files(home: Path) -> dict[str, bytes]:
    """The files of a home by their names, without those that Claude Code itself keeps there."""
    found = (path for path in home.rglob("*") if path.is_file())
    named = {str(path.relative_to(home)): path for path in found}
    kept = {name: path.read_bytes() for name, path in named.items() if not name.startswith(_PROGRAMS_OWN)}
    return {**kept, "settings": named[".claude/settings.json"].read_bytes()}


def test_17_mail_comes_in_at_rest_in_a_turn_and_at_its_end_and_a_draft_stays(agents: Agents) -> None:
    before = files(agents.roost.home.user)
    with person(agents) as me:
        roost = me.roost
        assert (roost.row("me")["kind"], roost.session("me")["server_pid"]) == ("own-terminal", None)
        # at rest
        me.draft("a draft of mine")
        me.done(roost.send("me", "at rest"))
        assert "a draft of mine" in me.pane.screen()
        me.pane.tmux("send-keys", "-t", ":", "C-u")
        me.at_rest()
        # in a turn, which the person began; the tool is allowed without a question
        os.mkfifo(me.pipe)
        me.enter('@@tool Bash {"command":"cat go; echo one"}@@')
        roost.until_state("me", "working")
        within = roost.send("me", "in a turn", when="now")
        me.let_go()
        me.done(within)
        story = [step["what"] for step in roost.message(within["id"])["story"]]
        assert any("into the running turn" in what for what in story), story
        assert me.asked()[-1].count("in a turn") == 1
        me.at_rest()
        # a long one is given as a file: Claude Code tells its model the beginning of what a hook says
        me.enter('@@tool Bash {"command":"cat go; echo two"}@@')
        roost.until_state("me", "working")
        long = roost.send("me", "long\n" + "x" * 20_000, when="now")
        me.let_go()
        me.done(long)
        assert any("x" * 100 not in text and long["id"] in text for text in me.asked())
        me.at_rest()
        # at the end of a turn
        me.enter(f"@@delay {LONG}@@")
        roost.until_state("me", "working")
        sent = roost.send("me", "at the end")
        agents.model.delays.end()
        me.done(sent)
        assert "Stop hook" in me.pane.screen()
        replies = [item["body"] for item in roost.call("inbox", name="operator")]
        assert {"echo: at rest", "echo: in a turn", "echo: at the end"} <= set(replies)
        me.at_rest()
        me.enter("/exit")
        assert roost.until_death("me")["exit_code"] == 0
    assert files(agents.roost.home.user) == before
    assert "roost" not in (agents.roost.home.user / ".claude/settings.json").read_text()


def test_17_P9_deaths_of_the_daemon_and_of_its_process_are_known_and_cost_nothing(agents: Agents) -> None:
    """A daemon killed in a turn disturbs nothing and loses nothing; a killed process frees its name."""
    with person(agents) as me:
        roost = me.roost
        session, before = roost.session("me")["id"], len(roost.deaths("me"))
        me.enter(f"@@delay {LONG}@@")
        roost.until_state("me", "working")
        sent = roost.send("me", "kept over a death")
        wait_until(lambda: roost.message(sent["id"])["state"] == "offered", timeout=PATIENCE, why="its offer")
        roost.kill()
        agents.model.delays.end()
        me.pane.wait_for(f"echo: @@delay {LONG}@@|done")
        roost.start()
        me.at_rest()
        assert roost.session("me")["id"] == session
        me.done(sent)
        me.at_rest()
        signal_pid(roost.session("me")["agent_pid"], signal.SIGKILL)
        death = roost.until_death("me", before + 1)
        assert (death["cause"], death["signal"]) == ("crashed", 9)
    assert roost.row("me")["state"] == "asleep"
    conversation = roost.call("show", name="me")["conversation"]
    with person(agents, "--", "claude", "--verbose") as me:  # arguments of a person's own
        assert me.roost.session("me")["conversation"] != conversation


def test_17_codex_takes_mail_in_a_turn_and_at_its_end_and_asks_nothing_about_our_hooks(codex: Agents) -> None:
    config = codex.roost.home.user / ".codex/config.toml"
    with person(codex, "--", "codex", "--disable", "plugins") as me:
        roost = me.roost
        me.pane.wait_for("Ask Codex to do anything")
        assert roost.row("me")["kind"] == "own-terminal"
        me.enter(f"@@delay {LONG}@@")
        roost.until_state("me", "working")
        at_end = roost.send("me", "at the end")
        codex.model.delays.end()
        me.done(at_end)
        me.at_rest()
        me.enter("@@bash sleep 1@@")
        me.pane.wait_for("Would you like to run")
        within = roost.send("me", "in a turn", when="now")
        me.pane.tmux("send-keys", "-t", ":", "Enter")
        me.done(within)
        me.at_rest()
        waits = roost.cli("send", "me", "later")
        assert "kept until its next turn" in waits.stderr
        me.enter("go on")
        wait_until(lambda: roost.row("me")["queued"] == 0, timeout=PATIENCE, why="it went in")
        me.at_rest()
        replies = [item["body"] for item in roost.call("inbox", name="operator")]
        assert {"echo: in a turn", "echo: at the end", "echo: later"} <= set(replies)
    assert "hooks" not in config.read_text()


@pytest.mark.parametrize("runtime", ["codex-thread", "opencode"])
def test_17_a_program_with_an_api_takes_mail_at_rest_in_a_turn_and_at_its_end(runtime: str) -> None:
    with make_home() as home, kept(home.mark), agents_in(home, runtime, peers=(FOLDER,)) as agents:
        roost = agents.roost
        with person(agents, "--", runtime, *_ARGUMENTS[runtime]) as me:
            assert (roost.row("me")["kind"], roost.session("me")["server"]) == ("own-terminal", None)
            # at rest, with and without a draft
            me.done(roost.send("me", "at rest"))
            me.pane.wait_for("at rest")  # OpenCode's terminal is brought to its conversation a while later
            me.at_rest()
            me.draft("a draft of mine")
            me.done(roost.send("me", "beside a draft"))
            assert "a draft of mine" in me.pane.screen()
            me.pane.tmux("send-keys", "-t", ":", "C-u")
            me.at_rest()
            # in a turn, and at its end
            me.enter(f"@@delay {LONG}@@")
            roost.until_state("me", "working")
            within = roost.send("me", "in a turn", when="now")
            wait_until(
                lambda: roost.message(within["id"])["attempts"],
                timeout=PATIENCE,
                why="it is given to it",
            )
            at_end = roost.send("me", "at the end")
            agents.model.delays.end()
            me.done(within)
            me.done(at_end)
            me.at_rest()
            replies = [item["body"] for item in roost.call("inbox", name="operator")]
            assert {"echo: at rest", "echo: at the end"} <= set(replies)
            # its end is known, and what ran beside it ends with it
            signal_pid(roost.session("me")["agent_pid"], signal.SIGKILL)
            death = roost.until_death("me")
            assert (death["cause"], death["signal"]) == ("crashed", 9)
        assert "roost" not in (home.user / _CONFIGS[runtime]).read_text()
