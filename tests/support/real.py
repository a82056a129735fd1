"""Peers that run the real CLIs, in a roost of their own, talking to the fake model on loopback."""

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from roost.client.connection import RemoteError
from roost.fake_model import Arrival, FakeModel
from roost.fake_model.script import unpaste
from roost.probe import homes
from tests.support import clis
from tests.support.daemon import Record, Roost, cleared
from tests.support.home import Home, environment, make_home
from tests.support.processes import kept

PATIENCE = 240.0
"""Seconds to wait for what a real CLI does: one start of it takes a minute where many run at once."""
LONG = 250
"""Seconds of an answer's delay that a test ends: programs give up what takes longer."""
PROGRAMS = {
    "claude": "claude",
    "codex": "codex",
    "codex-thread": "codex",
    "opencode": "opencode",
    "gemini": "gemini",
    "claude-acp": "claude-agent-acp",
    "gemini-acp": "gemini",
    "opencode-acp": "opencode",
}
"""The program that each runtime starts."""
ONE_PROCESS = {"GEMINI_CLI_NO_RELAUNCH": "true"}
"""Gemini CLI 0.61.0 starts itself once more otherwise: 3.4 seconds of a processor for a start, 1.9 so.

The probe, the walk of the pages and the first start of test_real_gemini have it as its users do.
"""

STILL = " -c tui.animations=false"
"""Words for a Codex 0.171.0 that moves nothing on its screen: half the processor for a start, and for a turn.

The probe, the walk of the pages and a person's own terminal have it as its users do.
"""


@dataclass(slots=True)
class Agents:
    """A roost, the model that its agents talk to, and what each kind of peer has to be given."""

    roost: Roost
    model: FakeModel
    settings: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def __post_init__(self) -> None:
        """They are given the time that they need."""
        self.roost.patience = PATIENCE

    @property
    def runtime(self) -> str:
        """The first real CLI among them."""
        return next(name for name in self.settings if name in PROGRAMS)

    def add(self, name: str, runtime: str, **settings: str) -> str:
        """Make a peer in a folder of its own that its CLI trusts."""
        return self.roost.add(name, runtime, **self.settings[runtime], **settings)

    def wake(self, name: str) -> None:
        """Wake it, and wait until it is idle.

        On a busy machine the screen of a start stands still for seconds: a person is asked to look.
        """
        try:
            self.roost.call("wake", name=name)
        except RemoteError as error:
            if "its start-up shows" not in str(error):
                raise
        self.roost.until_state(name, "idle")

    def notices(self) -> list[Record]:
        """What senders were told, the latest first.

        That a message waits is left out: on a busy machine one that takes its time is told of, too.
        """
        told = [mail["notice"] for mail in self.roost.call("inbox", name="operator") if mail["notice"]]
        return [notice for notice in told if notice["outcome"] != "waits"]

    def arrived(self, message_id: str) -> Arrival:
        """The model's first request that holds the message."""
        header = f"[roost message {message_id} from "
        return self.model.journal.wait_for(
            lambda arrival: arrival.kind == "turn" and any(header in text for text in arrival.user_texts),
            timeout=PATIENCE,
        )

    def text(self, message_id: str) -> str:
        """The text that held the message when it came to the model, without the CLI's wrapping.

        The demo agent has no model: its own log says what came.
        """
        for prompt in self.roost.prompts(message_id):
            return prompt["text"]
        header = f"[roost message {message_id} from "
        texts = [text for text in self.arrived(message_id).user_texts if header in text]
        assert len(texts) == 1, texts
        return unpaste(texts[0])

    def shown(self, message_id: str) -> int:
        """How often the conversation that the model saw last holds the message's header."""
        header = f"[roost message {message_id} from "
        turns = [arrival for arrival in self.model.journal.all() if arrival.kind == "turn"]
        counts = [sum(text.count(header) for text in turn.user_texts) for turn in turns]
        return max(counts, default=0)


def as_claude_gets_it(text: str) -> str:
    """A text as it arrives. Claude Code 2.1.328: a tab becomes four spaces, invisible characters go away."""
    return re.sub("[\u200b\u200f]", "", text.replace("\t", "    "))


@contextmanager
def agents_in(
    home: Home,
    *runtimes: str,
    peers: tuple[str, ...] = ("a", "b"),
    environ: Mapping[str, str] | None = None,
    started: bool = True,
) -> Iterator[Agents]:
    """A roost whose home looks like that of a user of these CLIs, who trusts the folders of these peers.

    `environ` goes to the daemon on top of the test's own environment with the places of `home`.
    """
    base = environment(os.environ, home)
    real = [name for name in runtimes if name in PROGRAMS]
    found = [clis.require(PROGRAMS[name]) for name in real]
    path = os.pathsep.join([*{str(cli.path.parent) for cli in found}, base["PATH"]])
    folders = [home.work / peer for peer in peers]
    roost = Roost(home, {**base, "PATH": path, **(environ or {})})
    with FakeModel() as model:
        given: dict[str, dict[str, str]] = {"demo": {}, "demo-acp": {}}
        for name in real:
            given[name] = _settings(homes.HOMES[name](home.user, model.url, *folders))
            if PROGRAMS[name] == "gemini":
                given[name] |= {f"env.{variable}": value for variable, value in ONE_PROCESS.items()}
            if name == "codex":
                given[name]["args"] += STILL
        try:
            yield Agents(roost.start() if started else roost, model, given)
        finally:
            roost.finish()


@contextmanager
def shared_agents(*runtimes: str) -> Iterator[Agents]:
    """A roost, its model and a user of these CLIs, for the tests of one module."""
    with make_home() as home, kept(home.mark), agents_in(home, *runtimes) as made:
        yield made


@contextmanager
def cleared_agents(agents: Agents, *, but: str = "") -> Iterator[Agents]:
    """Shared ones for one test, which makes its own peers. The user's files stay as a test leaves them."""
    given = {name: dict(settings) for name, settings in agents.settings.items()}
    try:
        with cleared(agents.roost, but=but):
            yield agents
    finally:
        agents.settings = given
        agents.model.outage.status = None
        agents.model.outage.poison = None
        agents.model.delays.begin()


@contextmanager
def settled_agent(agents: Agents, *, up: bool = True, **settings: str) -> Iterator[Agents]:
    """Shared ones for one test, with a peer `a` that is up (if `up`), at rest and without mail.

    A start of a real CLI is what costs most, so the peer and its conversation go on from test to test. One
    that a test leaves otherwise, or with other settings, is made anew for the next.
    """
    with cleared_agents(agents, but="a"):
        if "a" not in {row["name"] for row in agents.roost.call("list")}:
            agents.add("a", agents.runtime, **settings)
        if up:
            agents.wake("a")
        given = agents.roost.call("show", name="a")["settings"]
        rests = False
        try:
            yield agents
            rests = _rests(agents.roost) and agents.roost.call("show", name="a")["settings"] == given
        finally:
            if not rests:
                agents.roost.call("remove", name="a", force=True)


def _rests(roost: Roost) -> bool:
    """Whether the peer is there, idle, and has nothing left to do; a turn may just be ending."""
    rows = {row["name"]: row for row in roost.call("list")}
    if "a" not in rows or rows["a"]["queued"]:
        return False
    return roost.until_state("a", "idle", "asleep", "blocked", "stopped", "unknown")["state"] == "idle"


def _settings(seed: homes.Seed) -> dict[str, str]:
    given = {f"env.{name}": value for name, value in seed.environ.items()}
    return {**given, "args": seed.args} if seed.args else given
