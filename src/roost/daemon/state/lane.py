"""The lane of one peer: its state as it is stored, what waits to be decided, what the store has refused."""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.peer import PeerState
from roost.daemon.state.clock_reading import ClockReading
from roost.errors import RoostError
from roost.store.interfaces import Batch, Intent, Token, intent_for


class Outcome(Struct, frozen=True):
    """What one event led to, after its commit."""

    state: PeerState | None
    commands: tuple[c.Command, ...]

    @property
    def advice(self) -> list[str]:
        """Lines for the asker."""
        return [command.text for command in self.commands if type(command) is c.Advise]

    @property
    def refusal(self) -> RoostError | None:
        """Why the event was refused; None: it was not."""
        for command in self.commands:
            if type(command) is c.Refuse:
                return command.error
        return None


class Waiting(Struct):
    """`done`: None where nobody waits for the outcome. `kept`: fires when the store has refused it.

    Only what is so whether it can be stored or not is kept; whatever else the store refuses fails.
    """

    event: Event
    settles: str | None
    bodies: Mapping[str, bytes]
    tokens: tuple[Token, ...]
    done: asyncio.Future[Outcome] | None
    kept: asyncio.Future[None] | None = None
    settles_too: tuple[str, ...] = ()


class Lane(Struct):
    """`reading`: the clocks that the times in `state` go by; `next_reading`: of what is being stored.

    `unstored` is what the store refused and is so all the same, `seen` the state that it makes, `trouble`
    why, and `again` whether it is to be tried again. `freed` fires when it runs no more, for who waits;
    `postponed`: what is to be decided in it waits until the lane of the peer's next name runs no more.
    `alone`: how many of those that wait are decided one by one, since one of them cannot be stored.
    """

    state: PeerState | None
    reading: ClockReading
    next_reading: ClockReading | None = None
    waiting: deque[Waiting] = field(default_factory=deque[Waiting])
    running: bool = False
    unstored: list[Waiting] = field(default_factory=list[Waiting])
    seen: PeerState | None = None
    trouble: str = ""
    again: bool = False
    freed: asyncio.Event | None = None
    postponed: bool = False
    alone: int = 0

    def take(self) -> list[Waiting]:
        """What is decided now: all that waits, or the first of what could not be stored together."""
        if self.alone:
            self.alone -= 1
            return [self.waiting.popleft()]
        taken = [*self.unstored, *self.waiting]
        self.waiting.clear()
        return taken

    def part(self, items: Sequence[Waiting]) -> None:
        """These cannot be stored together: each is decided again, alone, before what has come since."""
        self.unstored, self.seen, self.trouble = [], None, ""
        self.waiting.extendleft(reversed(items))
        self.alone = len(items)

    def free(self) -> None:
        """Nothing is decided in it now."""
        self.running = False
        if self.freed is not None:
            self.freed.set()
            self.freed = None

    def turn(self, state: PeerState | None) -> None:
        """What was decided is stored."""
        self.state = state
        self.reading = self.next_reading or self.reading


class Decided:
    """What was decided of all that waited in one lane: the state that it makes, and each event's outcome.

    `items`: what was decided; `commands`: all that follows from it, in order. `unchanged`: each event was
    refused, or could not be decided.
    """

    __slots__ = ("commands", "items", "lane", "name", "outcomes", "state", "unchanged")

    def __init__(
        self, name: str, lane: Lane, state: PeerState | None, outcomes: list[tuple[Waiting, Outcome]]
    ) -> None:
        """Of this lane, as `decide_all` returns it."""
        self.name, self.lane, self.state, self.outcomes = name, lane, state, outcomes
        self.items = [item for item, _ in outcomes]
        self.commands = tuple([command for _, outcome in outcomes for command in outcome.commands])
        self.unchanged = True
        for _, outcome in outcomes:
            if outcome.refusal is None:
                self.unchanged = False
                break


def accepted(outcome: Outcome) -> Outcome:
    """Raise the error of a `Refuse`."""
    refusal = outcome.refusal
    if refusal is not None:
        raise refusal
    return outcome


def forget(done: "asyncio.Future[Outcome]") -> None:
    """Nobody waits for the outcome any more."""
    if not done.cancelled():
        done.exception()


def fail(waiting: Iterable[Waiting], error: RoostError) -> None:
    """Tell the callers that still wait, each by an error of its own."""
    for item in waiting:
        if item.done is not None and not item.done.done():
            item.done.set_exception(type(error)(error.message))


def batch_of(now: float, commands: Iterable[c.Command], items: Iterable[Waiting] = ()) -> Batch:
    """What is to be stored of these commands, and of the events that led to them."""
    changes: list[c.Change] = []
    journal: list[c.Journal] = []
    intents: list[Intent] = []
    bodies: dict[str, bytes] = {}
    settled: list[str] = []
    tokens: list[Token] = []
    for command in commands:
        match command:
            case c.Journal():
                journal.append(command)
            case c.SaveMessage() | c.SaveAttempt() | c.SavePeer() | c.SaveSession() | c.CloseSession():
                changes.append(command)
            case c.AddWatch() | c.SaveWatch() | c.EndWatch() | c.Purge() | c.Rename():
                changes.append(command)
            case c.Refuse() | c.Advise():
                pass
            case _:
                intents.append(intent_for(command, now))
    for item in items:
        bodies.update(item.bodies)
        tokens.extend(item.tokens)
        if item.settles is not None:
            settled.append(item.settles)
        settled.extend(item.settles_too)
    return Batch(
        at=now,
        changes=tuple(changes),
        journal=tuple(journal),
        bodies=bodies,
        intents=tuple(intents),
        settled=tuple(settled),
        tokens=tuple(tokens),
    )
