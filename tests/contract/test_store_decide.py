"""Whatever `decide` commands, a store that has stored it gives the same state back."""

import asyncio
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Examination, Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, ResumePolicy, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, Processes, SessionState
from roost.faults import Fault
from roost.store.interfaces import Batch, Intent, Store, intent_for
from roost.store.memory import MemoryStore
from roost.store.sqlite import SqliteStore

T = TypeVar("T")

POLICY = Policy({"human": Traits(mailbox=True), "plain": Traits(resumable=False, chooses_conversation=False)})
PROCESS = ProcessId("boot", 1, 2)
TOPICS = st.sampled_from([None, "t1", "t2"])
STATES = st.sampled_from([s for s in SessionState if s is not SessionState.STARTING])
HAPPENED = st.sampled_from([Cause.CRASHED, Cause.COMPLETED, Cause.OOM, Cause.SERVER_EXIT, Cause.REBOOT])
WHY = st.sampled_from(["", "seen", "quote ' and ü \x00"])


@dataclass
class Draws:
    """What an event may speak of; it may or may not make sense now."""

    draw: Callable[[st.SearchStrategy[Any]], Any]
    session: str
    generation: int
    message: str
    why: str
    now: float
    number: int

    def pick(self, *values: T) -> T:
        return self.draw(st.sampled_from(values))


def _submit(d: Draws) -> Event:
    expires = d.pick(None, d.now + 5.0)
    return r.Submit(
        Message(f"{d.number:032x}", "asker", "p", d.now, 4, "d", d.draw(TOPICS), expires_at=expires)
    )


def _died(d: Draws) -> Event:
    lines = tuple(d.draw(st.lists(WHY, max_size=2)))
    death = Death(d.session, "p", d.generation, d.now, d.draw(HAPPENED), 1, evidence=d.why, last_lines=lines)
    return f.Died(death, d.pick(True, False))


# Twice what makes a life go on; once what ends or disturbs it.
MAKERS: tuple[Callable[[Draws], Event], ...] = (
    _submit,
    _submit,
    lambda d: f.Observed(d.session, SessionState.IDLE, d.why),
    lambda d: f.Observed(d.session, SessionState.IDLE, d.why),
    lambda d: f.Observed(d.session, d.draw(STATES), d.why, d.pick(None, "c-x")),
    lambda d: f.Observed(d.session, d.draw(STATES), d.why, d.pick(None, "c-x")),
    lambda d: f.Taken(d.session, d.message, d.why),
    lambda d: f.Taken(d.session, d.message, d.why),
    lambda d: f.TurnEnded(d.session, d.why, d.pick(None, "400", "429"), fault=d.pick(*Fault)),
    lambda d: f.OfferFailed(d.session, d.message, d.pick(True, False), d.why),
    lambda d: f.Examined(d.message, d.pick(*Examination), d.why),
    lambda d: f.Launched(d.session, Processes(PROCESS, PROCESS, PROCESS, "/s")),
    lambda d: d.pick(f.BootFailed(d.session, d.why), f.ConversationMissing(d.session), f.Adopted(d.session)),
    lambda d: d.pick(f.Completed(d.session, d.why), f.Replied(d.message, "r"), r.Acknowledge((d.message,))),
    lambda d: d.pick(f.Tick(), f.EndVetoed(d.session, d.why, d.now + 5.0)),
    lambda d: r.Wake(d.pick(*WakeMode), "operator"),
    lambda d: d.pick(r.Stop("op"), r.Start("op"), r.Restart("op"), r.Remove("op", d.pick(True, False))),
    _died,
)


def _message(data: st.DataObject, state: PeerState) -> str:
    """Mostly the one that is with the session, so that lives go on to their later parts."""
    flight = next(iter(state.in_flight), None)
    if flight is not None and data.draw(st.integers(0, 4)) != 4:
        return flight.id
    return data.draw(st.sampled_from([*(message.id for message in state.messages), f"{0:032x}"]))


def _event(data: st.DataObject, state: PeerState, now: float, number: int) -> Event:
    """Often what would come next in a life, else anything: about the live session, mostly, or another."""
    live = state.session if data.draw(st.integers(0, 9)) != 9 else None
    draws = Draws(
        data.draw,
        live.id if live else "another",
        live.generation if live else 0,
        _message(data, state),
        data.draw(WHY),
        now,
        number,
    )
    return data.draw(st.sampled_from([*_next(state), data.draw(st.sampled_from(MAKERS))]))(draws)


def _next(state: PeerState) -> tuple[Callable[[Draws], Event], ...]:
    flight = next(iter(state.in_flight), None)
    if state.session is None:
        return (_submit,)
    if not state.session.ready or flight is None:
        return (lambda d: f.Observed(d.session, SessionState.IDLE, d.why), _submit)
    if flight.state is MessageState.OFFERED:
        return (lambda d: f.Taken(d.session, d.message, d.why),)
    return (_died, lambda d: f.TurnEnded(d.session, d.why))


def _batch(commands: tuple[c.Command, ...], event: Event, now: float, open_keys: list[str]) -> Batch:
    new = event.message if isinstance(event, r.Submit) else None
    changes = tuple(command for command in commands if isinstance(command, c.Change))
    saved = {change.message.id for change in changes if isinstance(change, c.SaveMessage)}
    return Batch(
        now,
        changes,
        tuple(command for command in commands if isinstance(command, c.Journal)),
        {new.id: b"body"} if new is not None and new.id in saved else {},
        tuple(intent_for(command, now) for command in commands if isinstance(command, c.Effect)),
        tuple(open_keys),
    )


class Model:
    """What should be stored, folded by hand."""

    def __init__(self) -> None:
        self.state: PeerState | None = None
        self.intents: dict[str, Intent] = {}
        self.events: list[tuple[str, str | None]] = []

    async def check(self, *stores: Store) -> None:
        for store in stores:
            await self._check(store)

    async def _check(self, store: Store) -> None:
        loaded = await store.load()
        assert loaded.peers == (() if self.state is None else (self.state,))
        assert {intent.key: intent for intent in loaded.intents} == self.intents
        stored = [(row.kind, row.cause) for row in await store.events(limit=10_000)]
        assert stored == self.events
        assert [row.seq for row in await store.events(limit=10_000)] == list(range(1, len(stored) + 1))


async def _live(data: st.DataObject, *stores: Store) -> Model:
    """Some of a life, stored step by step in each; and what they are to give back."""
    model = Model()
    wake = data.draw(st.sampled_from(list(WakePolicy)))
    resume = data.draw(st.sampled_from(list(ResumePolicy)))
    runtime = data.draw(st.sampled_from(["demo", "plain", "human"]))
    state: PeerState | None = PeerState(
        Peer("p", "5eed", Settings("/", runtime, wake, resume, idle=30.0, quiet=2.0, silence=9.0), 1.0)
    )
    for store in stores:
        await store.commit(Batch(1.0, (c.SavePeer(state.peer),)))
    model.state = state
    now = 10.0
    for number in range(1, data.draw(st.integers(10, 60)) + 1):
        now += data.draw(st.sampled_from([0.0, 0.1, 3.0, 40.0]))
        event = _event(data, state, now, number)
        state, commands = decide(state, event, now, POLICY)
        settled = (
            data.draw(st.lists(st.sampled_from(sorted(model.intents)), unique=True)) if model.intents else []
        )
        batch = _batch(commands, event, now, settled)
        for store in stores:
            await store.commit(batch)
        model.state = state
        for change in batch.changes:
            if isinstance(change, c.Purge):
                model.intents = {k: i for k, i in model.intents.items() if i.peer != change.peer}
        for key in settled:
            model.intents.pop(key, None)
        model.intents |= {intent.key: intent for intent in batch.intents}
        model.events += [(entry.kind, entry.cause) for entry in batch.journal]
        if state is None:
            break
        if data.draw(st.integers(0, 3)) == 0:
            await model.check(*stores)
    await model.check(*stores)
    return model


@pytest.mark.slow
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.data())
def test_N8_the_disk_and_its_twin_give_back_what_decide_made(data: st.DataObject) -> None:
    """The disk once more after it was closed."""

    async def run(path: Path) -> None:
        store = await SqliteStore.open(path)
        try:
            model = await _live(data, store, MemoryStore())
        finally:
            await store.close()
        again = await SqliteStore.open(path)
        try:
            await model.check(again)
        finally:
            await again.close()

    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp") as place:
        asyncio.run(run(Path(place) / "roost.db"))
