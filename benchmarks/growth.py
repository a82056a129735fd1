"""`python -m benchmarks.growth [--most N] [--write]`: what each step costs as things grow from 100 to N.

The real store on a disk, and the real fleet that decides and commits; sessions are rows here, without agents.
A cost is processor time of all threads, which other programs on the machine do not change.
"""

import argparse
import asyncio
import gc
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from math import log
from pathlib import Path
from statistics import linear_regression

from benchmarks.home import folder
from roost.cli.output import say
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, Session, WakeCause
from roost.core.vocabulary.view import shown
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.host.clock import SystemClock
from roost.store.interfaces import Batch
from roost.store.records import Wanted
from roost.store.sqlite import SqliteStore

FIRST, MOST = 100, 102_400
ROUNDS = 15
ENOUGH = 1.0
"""Seconds of processor time after which a step is not measured again, but for three times at least."""
AT_ONCE = 1_000
ALONE, WHOLE = 0.3, 1.2
"""The powers of the size with which a cost may grow: one that should stay, one that should grow as the size.

What is measured in a fraction of a millisecond is never quite the same: a little more is allowed."""
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- growth -->", "<!-- end of growth -->"
_BARS = "▁▂▃▄▅▆▇█"
_BODY = b"x" * 200
_POLICY = Policy({HUMAN: Traits(mailbox=True, resumable=False)})


class World:
    """A store and a fleet with two mailboxes, `box` and `other`, and a peer `worker`."""

    def __init__(self, store: SqliteStore) -> None:
        self.store, self.clock, self.tasks, self.number = store, SystemClock(), Tasks(), count(1)
        self.fleet = Fleet(store, self.clock, _POLICY, self.tasks)

    async def begin(self) -> None:
        made = [self.peer("box", HUMAN), self.peer("other", HUMAN), self.peer("worker", "demo")]
        await self.store.commit(Batch(1.0, tuple(c.SavePeer(each) for each in made)))

    async def load(self) -> None:
        """Take over what is stored, as a starting daemon does: without the garbage collector."""
        self.fleet = Fleet(self.store, self.clock, _POLICY, self.tasks)
        gc.disable()
        try:
            self.fleet.load((await self.store.load()).peers)
        finally:
            gc.enable()

    def peer(self, name: str, runtime: str) -> Peer:
        limit = 10_000_000
        return Peer(name, f"{name:0>32}", Settings("/w", runtime, queue_limit=limit, sender_limit=limit), 1.0)

    def message(self, to: str, state: MessageState = MessageState.QUEUED) -> Message:
        done_at = 2.0 if state is MessageState.DONE else None
        number = f"{next(self.number):032x}"
        return Message(number, "operator", to, 1.0, len(_BODY), "d" * 64, state=state, done_at=done_at)

    def session(self, number: int) -> Session:
        return Session(
            id=f"s{number}",
            peer="worker",
            generation=number,
            nonce=f"{number}",
            wake=WakeCause.FIRST_WAKE,
            resumed=False,
            started_at=1.0,
            since=1.0,
            pooled=True,
        )

    async def commit(self, changes: Sequence[c.Change], journal: Sequence[c.Journal] = ()) -> None:
        bodies = {each.message.id: _BODY for each in changes if isinstance(each, c.SaveMessage)}
        await self.store.commit(Batch(1.0, tuple(changes), tuple(journal), bodies))

    # What grows.

    async def add_peers(self, more: int) -> None:
        await self.commit([c.SavePeer(self.peer(f"p{next(self.number)}", HUMAN)) for _ in range(more)])

    async def add_kept(self, more: int) -> None:
        done = MessageState.DONE
        await self.commit([c.SaveMessage(self.message("box", done)) for _ in range(more)])

    async def add_waiting(self, more: int) -> None:
        await self.commit([c.SaveMessage(self.message("box")) for _ in range(more)])

    async def add_events(self, more: int) -> None:
        await self.commit((), [c.Journal("idle", "worker", f"s{index}") for index in range(more)])

    async def add_ended(self, more: int) -> None:
        numbers = [next(self.number) for _ in range(more)]
        made = [self.session(number) for number in numbers]
        deaths = [Death(each.id, "worker", each.generation, 2.0, Cause.IDLE_SLEEP) for each in made]
        await self.commit([c.SaveSession(each) for each in made])
        await self.commit([c.CloseSession(each) for each in deaths])

    # What is done.

    async def accept(self) -> None:
        message = self.message("box")
        await self.fleet.tell("box", r.Submit(message, fresh=True), bodies={message.id: _BODY})

    async def acknowledge(self) -> None:
        """A message comes to a mailbox and is read."""
        message = self.message("other")
        await self.fleet.tell("other", r.Submit(message, fresh=True), bodies={message.id: _BODY})
        await self.fleet.tell("other", r.Acknowledge((message.id,)))

    async def listed(self) -> None:
        for state in self.fleet.states():
            shown(state, 3.0)

    async def stored(self) -> None:
        message = self.message("box", MessageState.DONE)
        await self.commit([c.SaveMessage(message)])
        await self.store.message(message.id)

    async def newest(self) -> None:
        await self.store.messages(Wanted(to="box"))

    async def failed(self) -> None:
        await self.store.messages(Wanted(state=MessageState.EXPIRED))

    async def unread(self) -> None:
        await self.store.inbox("other")

    async def ends_of_journal(self) -> None:
        last = await self.store.last_seq()
        await self.store.events(max(last - 100, 0))
        await self.store.events_before(last, "worker", 100)

    async def lately_ended(self) -> None:
        await self.store.deaths("worker")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done. `whole`: all that has grown is looked at, so its cost grows as that does."""

    name: str
    act: Callable[[World], Awaitable[None]]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Growing:
    """What grows, how more of it is made, and what is done beside it."""

    name: str
    add: Callable[[World, int], Awaitable[None]]
    steps: tuple[Step, ...]


_READ = Step("a message is accepted and read", World.acknowledge)
_START = Step("a start reads what is not over", World.load)
GROWING: tuple[Growing, ...] = (
    Growing(
        "peers",
        World.add_peers,
        (
            _READ,
            Step("all peers are shown", World.listed, whole=True),
            Step(_START.name, World.load, whole=True),
        ),
    ),
    Growing(
        "messages kept",
        World.add_kept,
        (
            _READ,
            Step("a message is stored and looked up", World.stored),
            Step("the newest 200 of a mailbox", World.newest),
            Step("those that failed", World.failed),
            Step("what a mailbox has not read", World.unread),
            _START,
        ),
    ),
    Growing(
        "messages that wait in one mailbox",
        World.add_waiting,
        (
            Step("one more is accepted there", World.accept, whole=True),
            _READ,
            Step(_START.name, World.load, whole=True),
        ),
    ),
    Growing(
        "events in the journal", World.add_events, (_READ, Step("the newest 100", World.ends_of_journal))
    ),
    Growing(
        "sessions that ended",
        World.add_ended,
        (_READ, Step("the latest 100 deaths of a peer", World.lately_ended), _START),
    ),
)


@dataclass(frozen=True, slots=True)
class Curve:
    """Milliseconds of processor time of one step by the size of what grows."""

    step: Step
    costs: Mapping[int, float]

    @property
    def power(self) -> float:
        """With which power of the size the cost grows, over its larger half."""
        sizes = sorted(self.costs)[len(self.costs) // 2 :]
        if len(sizes) < 2:
            return 0.0
        return linear_regression(
            [log(size) for size in sizes], [log(self.costs[size]) for size in sizes]
        ).slope

    @property
    def holds(self) -> bool:
        """Whether it grows no faster than its work."""
        return self.power <= (WHOLE if self.step.whole else ALONE)

    @property
    def drawing(self) -> str:
        """Its costs as bars, from nothing to its largest."""
        most = max(self.costs.values())
        return "".join(_BARS[round((len(_BARS) - 1) * cost / most)] for _, cost in sorted(self.costs.items()))


async def measured(growing: Growing, most: int, rounds: int = ROUNDS) -> list[Curve]:
    """Double what grows until there are so many, and measure each step at each size."""
    costs: dict[str, dict[int, float]] = {step.name: {} for step in growing.steps}
    with folder() as root:
        async with _world(root) as world:
            size, there = FIRST, 0
            while size <= most:
                while there < size:
                    more = min(size - there, AT_ONCE)
                    await growing.add(world, more)
                    there += more
                await world.load()
                for step in growing.steps:
                    costs[step.name][size] = await _cost(step, world, rounds)
                size *= 2
    return [Curve(step, costs[step.name]) for step in growing.steps]


@asynccontextmanager
async def _world(root: Path) -> AsyncIterator[World]:
    store = await SqliteStore.open(root / "roost.db")
    world = World(store)
    try:
        await world.begin()
        yield world
    finally:
        await world.tasks.close()
        await store.close()


async def _cost(step: Step, world: World, rounds: int) -> float:
    took: list[float] = []
    while len(took) < min(rounds, 3) or (len(took) < rounds and sum(took) < ENOUGH * 1000):
        begun = time.process_time()
        await step.act(world)
        took.append((time.process_time() - begun) * 1000)
    return min(took)  # what disturbs it only adds


def text(found: Mapping[str, Sequence[Curve]]) -> str:
    """A table for each thing that grows, and a drawing of each cost."""
    lines: list[str] = []
    for name, curves in found.items():
        sizes = sorted(curves[0].costs)
        few = sizes[:: max(len(sizes) // 5, 1)]
        lines += ["", f"### {name[0].upper()}{name[1:]}", ""]
        lines.append(f"| step | {' | '.join(f'{size:,}' for size in few)} | drawn | power | may be |")
        lines.append("|---" * (len(few) + 4) + "|")
        for curve in curves:
            cells = " | ".join(f"{curve.costs[size]:.3g}" for size in few)
            bound = WHOLE if curve.step.whole else ALONE
            told = f"{curve.power:.2f}" if curve.holds else f"**{curve.power:.2f}**"
            lines.append(f"| {curve.step.name} | {cells} | {curve.drawing} | {told} | {bound} |")
    return "\n".join(lines)


def written(page: str, part: str) -> str:
    """The page with that part between its marks."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{part}\n\n{END}", page, flags=re.DOTALL)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--most", type=int, default=MOST, metavar="N")
    parser.add_argument("--write", action="store_true", help=f"write it into {PAGE.name}")
    asked = parser.parse_args(arguments)
    found: dict[str, list[Curve]] = {}
    for growing in GROWING:
        sys.stderr.write(f"{growing.name} ...\n")
        found[growing.name] = asyncio.run(measured(growing, asked.most))
    say(text(found))
    if asked.write:
        PAGE.write_text(written(PAGE.read_text(), text(found)))
    return 0 if all(curve.holds for curves in found.values() for curve in curves) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
