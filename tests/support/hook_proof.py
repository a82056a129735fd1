"""Mail into real programs whose hooks are killed: `python -m tests.support.hook_proof --count 1000`.

Somebody has Claude Code or Codex in a terminal of their own, by `roost run` or by `roost join`. Messages come
in within turns with tools side by side, at their ends and at rest, by hooks or by an app-server of Codex,
while hooks are killed, their connections break, and the daemon dies. The truth is what the fake model was
asked: each message once.
"""

import argparse
import os
import random
import re
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import processes
from tests.support.codex_review import TRUST, answer_review
from tests.support.codex_terminal import end_server, without_plugins
from tests.support.daemon import Roost
from tests.support.home import make_home
from tests.support.hook_killer import Killer
from tests.support.pane import Pane
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import NeverHappenedError, wait_until

CUTTING = Path(__file__).resolve().parent / "cutting_daemon.py"
FOLDER = "w"
EACH = 250
"""Messages in one conversation: all of it is in each request."""
OPEN = 6
"""Messages on their way at a time."""
STILL = 2.0
"""Seconds at a prompt with mail on its way until the person goes on."""
LOST = 0.1
"""The share of hooks' answers that are lost with their connection."""
_SILENT = "@@silent@@"


@dataclass(frozen=True)
class How:
    """A program, how it came to be a peer, and what its model is told to do.

    `stands`: how its screen shows that TEXT stands in its input line. `hooks`: by which it is given its mail,
    instead of by an API of its own.
    """

    program: str
    by: str
    words: tuple[str, ...]
    tools: str
    ready: str
    stands: str
    hooks: bool = True

    @property
    def rests(self) -> bool:
        """Whether mail comes in at rest."""
        return self.program == "claude" or not self.hooks


_BASH = '@@tools {} Bash {{"command":"sleep 0.{}; cat note"}}@@'
_EXEC = '@@tools {} exec_command {{"cmd":"sleep 0.{}"}}@@'
_FREE = ("--sandbox", "danger-full-access", "--ask-for-approval", "never")
_CODEX = ("--disable", "plugins", *_FREE)
_CLAUDE = ("--allowedTools", "Bash"), _BASH, "❯", r"─\n❯\s+TEXT"
_ASKS = "Ask Codex to do anything"
_ENTERED = rf"\A(?!(?s:.*){_ASKS})"
_JOIN = {
    "claude": '@@tool Bash {{"command":"{}"}}@@',
    "codex": '@@tool exec_command {{"cmd":"{}","yield_time_ms":30000}}@@',
}
"""What has its model run a command."""
HOWS = {
    "claude-run": How("claude", "run", *_CLAUDE),
    "claude-join": How("claude", "join", *_CLAUDE),
    "codex-join": How("codex", "join", ("--no-daemon", *_CODEX), _EXEC, _ASKS, _ENTERED),
    "codex-run": How("codex", "run", _CODEX, _EXEC, _ASKS, _ENTERED),
    "thread-run": How("codex-thread", "run", _CODEX, _EXEC, _ASKS, _ENTERED, hooks=False),
    "thread-join": How("codex", "join", _FREE, _EXEC, _ASKS, _ENTERED, hooks=False),
}


@dataclass
class Proof:
    """One conversation. `sent`: messages by their ids."""

    how: How
    agents: Agents
    pane: Pane
    chance: random.Random
    sent: dict[str, str] = field(default_factory=dict[str, str])
    done: set[str] = field(default_factory=set[str])
    acts: Counter[str] = field(default_factory=Counter[str])

    @property
    def roost(self) -> Roost:
        return self.agents.roost

    def type(self, text: str) -> None:
        """A prompt of the person's, also into a running turn."""
        self.acts["a prompt"] += 1
        enter(self.pane, self.how, text)
        if not self.how.rests:  # what Codex does is known from its first turn on
            self.roost.until_state("me", "working", "idle")

    def tools(self) -> str:
        """A line by which the model calls tools side by side."""
        return self.how.tools.format(self.chance.randint(2, 4), self.chance.randint(1, 3))

    def send(self) -> None:
        """A message, to be there now or not, some of which have tools of their own."""
        number, now = len(self.sent), self.chance.random() < 0.6
        body = f"token-{number:04}-{self.chance.getrandbits(32):08x}"
        if self.chance.random() < 0.3:
            body += f"\n{self.tools()}"
        how = {"when": "now"} if now else {}
        sent = self.roost.call("send", to="me", body=f"{body}\n{_SILENT}", **how)
        self.sent[sent["id"]] = body.splitlines()[0]
        self.acts["sent now" if now else "sent"] += 1

    def open(self) -> list[str]:
        """The messages that are on their way."""
        left = [each for each in self.sent if each not in self.done]
        if left:
            mail = self.roost.call("messages", name="me", limit=2 * EACH)
            self.done |= {each["id"] for each in mail if each["state"] == "done"}.intersection(left)
        return [each for each in left if each not in self.done]

    def state(self) -> str:
        return str(self.roost.row("me")["state"])

    def go(self, count: int, deaths: int) -> None:
        """Send so many messages, while the daemon dies so often, and have all of them come in."""
        dies = sorted(self.chance.sample(range(count // 4, count), deaths))
        moved, left = time.monotonic(), 0
        while len(self.sent) < count or self.open():
            waits = self.open()
            if dies and len(self.sent) >= dies[0]:
                dies.pop(0)
                self.die()
            if len(waits) != left:
                moved, left = time.monotonic(), len(waits)
            if time.monotonic() - moved > PATIENCE:
                raise NeverHappenedError(self.told(f"{len(waits)} messages stay where they are", waits))
            rests = self.state() in ("idle", "starting")
            if rests and self.begins(waits, time.monotonic() - moved):
                self.type(self.chance.choice((self.tools(), "@@delay 0.4@@")))
            if len(self.sent) < count and len(waits) < OPEN and (self.how.rests or not rests):
                for _ in range(min(self.chance.randint(1, 3), count - len(self.sent))):
                    self.send()
            pause(self.chance.uniform(0.05, 0.25))

    def begins(self, waits: list[str], still: float) -> bool:
        """Whether the person, at the prompt, goes on: now and then, and where mail waits for that."""
        if waits:
            return not self.how.rests or still > STILL
        return not self.how.rests or self.chance.random() < 0.3

    def die(self) -> None:
        """The daemon is killed and started again."""
        self.acts["a death of the daemon"] += 1
        self.roost.kill()
        argv, environ = self.roost.started
        self.roost.start(*argv, environ=environ)

    def judge(self) -> list[str]:
        """What is wrong: a message that the model was not told, or twice."""
        turns = [each for each in self.agents.model.journal.all() if each.kind == "turn"]
        wrong: list[str] = []
        for message, token in self.sent.items():
            header = f"[roost message {message} from "
            asked = [(sum(text.count(header) for text in each.user_texts),
                      sum(text.count(token) for text in each.user_texts)) for each in turns]  # fmt: skip
            most = max(asked, default=(0, 0))
            if most != (1, 1) or asked[-1] != (1, 1):
                wrong.append(self.told(f"{token} was told {most} times, {asked[-1]} at last", [message]))
        return wrong

    def told(self, what: str, messages: list[str]) -> str:
        """What is wrong, with the stories of these messages."""
        stories = [
            f"  {self.sent[each]} {each}: {step['at']} {step['what']}"
            for each in messages
            for step in self.roost.message(each)["story"]
        ]
        row = self.roost.row("me")
        return "\n".join([what, f"{row['state']}: {row.get('why')}", *stories, self.pane.screen()])


def enter(pane: Pane, how: How, text: str) -> None:
    """Type a prompt, and press Enter until it has left the input line."""
    stands = how.stands.replace("TEXT", re.escape(text[:20]))
    pane.tmux("send-keys", "-t", ":", "-l", text)
    pane.wait_for(stands)
    pane.dismiss(("Enter",), stands)


def pause(seconds: float) -> None:
    """Let the others act."""
    threading.Event().wait(seconds)


@contextmanager
def terminal(how: How, agents: Agents) -> Iterator[Pane]:
    """The program in a terminal of the test's; `me` is its peer."""
    roost = agents.roost
    given = {
        name[4:]: value for name, value in agents.settings[how.program].items() if name.startswith("env.")
    }
    folder = roost.home.work / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "note").write_text("a note\n")
    by_run = [sys.executable, "-m", "roost", "run", "me", "--"] if how.by == "run" else []
    command = [*by_run, how.program, *how.words]
    adds = how.hooks and (how.by, how.program) == ("join", "codex")
    if adds:
        roost.cli("hooks", "add", "codex")
    elif how.by == "join" and not how.hooks:
        without_plugins(roost.home)
    with Pane(roost.home.root, command, environ={**roost.environ, **given}, directory=folder) as pane:
        if adds:
            answer_review(pane, TRUST)
        pane.wait_for(how.ready)
        if how.by == "join":
            enter(pane, how, _JOIN[how.program].format(f"{sys.executable} -m roost join me"))
        wait_until(
            lambda: any(row["name"] == "me" and row["session"] for row in roost.call("list")),
            timeout=PATIENCE,
            why="a peer with a session",
            describe=pane.screen,
        )
        if how.rests:
            roost.until_state("me", "idle")
        yield pane


def prove(how: How, seed: int, count: int, deaths: int, kills: float = 0.5) -> tuple[list[str], Counter[str]]:
    """One conversation in a home of its own; what is wrong, and what was done. `kills`: of the hooks seen."""
    with make_home() as home, processes.kept(home.mark):
        cuts = home.root / "cuts"
        with agents_in(home, how.program, peers=(FOLDER,), started=False) as agents:
            roost = agents.roost
            roost.start(sys.executable, str(CUTTING), environ={"ROOST_CUTS": str(cuts)})
            with terminal(how, agents) as pane:
                proof = Proof(how, agents, pane, random.Random(seed))  # noqa: S311 -- a seed, no secret
                session = roost.session("me")
                cuts.write_text(str(LOST))
                with Killer(session["agent_pid"] or session["server_pid"], seed, kills) as killer:
                    proof.go(count, deaths)
                wrong = proof.judge()
            end_server(home)
            proof.acts.update(killer.killed)
            roost.until_death("me")
            return wrong, proof.acts


def main() -> int:
    """Prove it for each way; 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.hook_proof")
    parser.add_argument("--count", type=int, default=1000, help="messages for each of the ways")
    parser.add_argument("--seed", type=int, default=None, help="the first seed; a random one without it")
    parser.add_argument("--how", action="append", choices=HOWS, help="the ways; all without it")
    asked = parser.parse_args()
    os.environ[processes.MARKER] = secrets.token_hex(8)
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    failed = 0
    for name in asked.how or HOWS:
        left = asked.count
        while left > 0:
            begun, count = time.monotonic(), min(left, EACH)
            wrong, acts = prove(HOWS[name], seed, count, deaths=2)
            took = f"{time.monotonic() - begun:.0f} s"
            sys.stdout.write(
                f"{name} seed {seed}: {count} messages, {dict(acts)}, {took}, {len(wrong)} wrong\n"
            )
            for line in wrong:
                sys.stdout.write(f"{line}\n\n")
            sys.stdout.flush()
            failed, left, seed = failed + len(wrong), left - count, seed + 1
    sys.stdout.write(f"{failed} violations\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
