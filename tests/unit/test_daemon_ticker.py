"""A deadline is never lost, however long a commit takes."""

import asyncio
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Session, SessionState, WakeCause
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.ticker import RETRY, Ticker
from roost.errors import RoostError
from roost.host.memory.clock import VirtualClock
from roost.store.interfaces import Batch, JournalRow
from roost.store.memory import MemoryStore
from tests.support.full_store import FullStore


class SlowStore(MemoryStore):
    """A store whose commits take three seconds."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self.clock = clock

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        rows = await super().commit(batch)
        await self.clock.advance(3.0)
        return rows


async def test_N2_what_becomes_due_during_a_commit_is_done_after_it() -> None:
    clock, tasks = VirtualClock(), Tasks()
    fleet = Fleet(SlowStore(clock), clock, Policy({"human": Traits(mailbox=True)}), tasks)
    ticker = Ticker(fleet, clock, tasks)
    await fleet.add(Peer("p", "5eed", Settings("/", "human"), clock.now()))
    tasks.start(ticker.run(), "ticker")
    empty = asyncio.Event()
    expires = clock.now() + 1.0
    fleet.listeners.on_committed.append(
        lambda _name, state, _made: empty.set() if state and not state.messages else None
    )
    await fleet.tell("p", r.Submit(Message("1", "asker", "p", clock.now(), 0, "d", expires_at=expires)))
    await asyncio.wait_for(empty.wait(), 5)
    await tasks.close()


async def test_G9_what_a_session_shows_is_read_before_its_end_is_judged() -> None:
    clock, tasks, order = VirtualClock(), Tasks(), list[str]()
    fleet = Fleet(MemoryStore(), clock, Policy(), tasks)
    ticker = Ticker(fleet, clock, tasks)
    peer = Peer("p", "5eed", Settings("/", "demo", idle=60.0), clock.now())
    await fleet.add(peer)
    at = clock.now() - 61.0
    session = Session("s", "p", 1, "n", WakeCause.FIRST_WAKE, resumed=False, started_at=at, since=at)
    fleet.load([PeerState.of(peer, (replace(session, ready=True, state=SessionState.IDLE),), ())])
    ended = asyncio.Event()

    async def look(name: str) -> None:
        order.append(f"look at {name}")

    def committed(_name: str, state: PeerState | None, _made: object) -> None:
        if state is not None and state.session is not None and state.session.ending is not None:
            order.append("end")
            ended.set()

    ticker.look = look
    fleet.listeners.on_committed.append(committed)
    ticker.schedule("p", clock.now())
    tasks.start(ticker.run(), "ticker")
    await asyncio.wait_for(ended.wait(), 5)
    await tasks.close()
    assert order == ["look at p", "end"]


@pytest.mark.parametrize(
    "event", [r.Resend("1", "operator"), cast("Any", object())], ids=["refused", "defect"]
)
async def test_N2_what_changes_nothing_leaves_what_is_overdue(event: r.Resend) -> None:
    """The disk was full when a message was to expire; then something is asked of its peer that cannot be."""
    clock, tasks, store = VirtualClock(), Tasks(), FullStore()
    fleet = Fleet(store, clock, Policy({"human": Traits(mailbox=True)}), tasks)
    tasks.start(Ticker(fleet, clock, tasks).run(), "ticker")
    await fleet.add(Peer("p", "5eed", Settings("/", "human"), clock.now()))
    expires = clock.now() + 1.0
    await fleet.tell("p", r.Submit(Message("1", "asker", "p", clock.now(), 0, "d", expires_at=expires)))
    store.full = True
    await clock.advance(2.0)
    store.full = False
    with pytest.raises(RoostError, match=r"not in doubt|defect"):
        await fleet.tell("p", event)
    assert len(fleet.get("p").messages) == 1
    await clock.advance(RETRY)
    assert fleet.get("p").messages == ()
    await tasks.close()
