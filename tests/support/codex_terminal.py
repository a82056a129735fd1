"""A real Codex that a person has started by themselves, in a terminal (a tmux of the test's)."""

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.codex_review import REVIEW, answer_review
from tests.support.daemon import Record, Roost, signal_pid
from tests.support.home import Home
from tests.support.pane import Pane
from tests.support.pipe import let_go
from tests.support.real import PATIENCE, Agents
from tests.support.wait import wait_until

FOLDER = "w"
READY = "Ask Codex to do anything"
_STANDS = rf"\A(?!(?s:.*){READY})"
"""Something stands in the input line."""


@dataclass
class Person:
    """Somebody at a terminal, who has typed `codex` there and lets it run what it wants."""

    pane: Pane
    roost: Roost
    agents: Agents

    def enter(self, text: str) -> None:
        """Type a prompt, and press Enter until it has left the input line."""
        self.pane.tmux("send-keys", "-t", ":", "-l", text)
        self.pane.wait_for(_STANDS)
        self.pane.dismiss(("Enter",), _STANDS)

    def tool(self, command: str) -> None:
        """Have its model run a command."""
        self.enter(f"@@tool exec_command {json.dumps({'yield_time_ms': 30_000, 'cmd': command})}@@")

    def shell(self, *words: str) -> None:
        """Have its model run a command of roost's."""
        self.tool(" ".join([sys.executable, "-m", "roost", *words]))

    def join(self) -> None:
        self.shell("join", "me")
        wait_until(
            lambda: "me" in {row["name"] for row in self.roost.call("list")},
            timeout=PATIENCE,
            why="a peer",
            describe=self.pane.screen,
        )
        self.at_rest()

    def at_rest(self) -> None:
        self.roost.until_state("me", "idle")

    def sent(self, text: str, **how: str) -> Record:
        """A message that its model, which has no tool of ours, does not answer."""
        return self.roost.send("me", f"{text}\n@@silent@@", **how)

    def done(self, sent: Record) -> None:
        """The message came in, once, and its turn has ended."""
        self.roost.until_message(sent["id"], "done")
        assert self.agents.shown(sent["id"]) == 1

    @property
    def pipe(self) -> Path:
        """A command that reads it goes on once it is let go."""
        return self.roost.home.work / FOLDER / "go"

    def let_go(self) -> None:
        """Have the command that reads the pipe go on, once it does."""
        let_go(self.pipe, timeout=PATIENCE)


@contextmanager
def person(
    agents: Agents, answer: str | None = None, words: Sequence[str] = ("--no-daemon", "--disable", "plugins")
) -> Iterator[Person]:
    """`answer`: what they say to whether hooks are to be trusted; None: they are not asked.

    `words`: arguments of its own.
    """
    roost = agents.roost
    agents.model.delays.begin()
    given = {name[4:]: value for name, value in agents.settings["codex"].items() if name.startswith("env.")}
    folder = roost.home.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    command = ["codex", *words, "-a", "never", "-s", "danger-full-access"]
    with Pane(roost.home.root, command, environ={**roost.environ, **given}, directory=folder) as pane:
        if answer is not None:
            answer_review(pane, answer)
        pane.wait_for(READY, without=REVIEW)
        yield Person(pane, roost, agents)


def without_plugins(home: Home) -> None:
    """Codex refuses an argument for this where its server runs for all terminals."""
    config = home.user / ".codex/config.toml"
    config.write_text(f"{config.read_text()}[features]\nplugins = false\n")


def end_server(home: Home) -> None:
    """End what Codex keeps running by itself: the server of all terminals, and what keeps that up to date."""
    place = str(home.user / ".codex/packages").encode()
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(place):
                signal_pid(int(entry.name), signal.SIGKILL)
        except OSError:
            continue
