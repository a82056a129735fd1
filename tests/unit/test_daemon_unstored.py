"""G4: what is so although the store refuses it is kept, shown, told first, and stored once it can be."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import Peer, PeerState, Settings, WakeMode
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, Death, Session, SessionState, WakeCause
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lanes import AGAIN
from roost.daemon.state.tasks import Tasks
from roost.errors import StoreError
from roost.host.memory.clock import VirtualClock
from roost.store.interfaces import Batch
from tests.support.full_store import FullStore


class World:
    """A peer with a session at its prompt, and a disk that becomes full."""

    def __init__(self) -> None:
        self.clock, self.store, self.tasks = VirtualClock(), FullStore(), Tasks()
        self.fleet = Fleet(self.store, self.clock, Policy(), self.tasks)
        self.seen: list[PeerState | None] = []
        self.fleet.listeners.on_kept.append(lambda _name, state: self.seen.append(state))

    async def prepare(self) -> None:
        at = self.clock.now()
        peer = Peer("p", "5eed", Settings("/", "demo"), at, generation=1)
        await self.fleet.add(peer)
        session = Session("s", "p", 1, "n", WakeCause.FIRST_WAKE, resumed=False, started_at=at, since=at)
        session = replace(session, ready=True, state=SessionState.IDLE)
        await self.store.commit(Batch(at, (c.SaveSession(session),)))
        self.fleet.load([PeerState.of(peer, (session,), ())])
        await self.fleet.tell("p", f.Tick())
        self.store.full = True

    def death(self, session: str = "s") -> f.Died:
        return f.Died(
            Death(session, "p", 1, self.clock.now(), Cause.CRASHED, signal=9, evidence="pidfd"), True, True
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.prepare()
    yield made
    await made.tasks.close()


async def kept(world: World) -> asyncio.Task[bool]:
    """A death that the store has refused."""
    told = world.tasks.start(world.fleet.report("p", world.death()), "death")
    await world.clock.advance(0)
    assert world.fleet.trouble("p") == "the disk is full"
    return told


async def test_G4_a_fact_that_is_not_stored_shows_and_is_stored_later_once(world: World) -> None:
    told = await kept(world)
    assert world.fleet.get("p").session is None
    assert [state and state.session for state in world.seen] == [None]
    assert not told.done(), "whoever needs it durable waits"
    await world.clock.advance(3 * AGAIN)
    assert not told.done()
    world.store.full = False
    await world.clock.advance(AGAIN)
    assert await told
    assert world.fleet.trouble("p") == ""
    assert [death.signal for death in await world.store.deaths()] == [9]


async def test_G4_a_request_fails_meanwhile_and_is_decided_after_the_facts(world: World) -> None:
    told = await kept(world)
    with pytest.raises(StoreError, match="full"):
        await world.fleet.tell("p", r.Wake(WakeMode.NATURAL, "operator"))
    world.store.full = False
    outcome = await world.fleet.tell("p", r.Wake(WakeMode.NATURAL, "operator"))
    assert await told, "what was known came first"
    assert outcome.state is not None
    assert outcome.state.session is not None
    assert outcome.state.session.generation == 2


async def test_G4_what_an_operator_insists_on_stands_and_names_the_cause(world: World) -> None:
    assert await world.fleet.insist("p", r.Stop("operator")) is False
    state = world.fleet.get("p")
    assert state.peer.stopped
    assert [session.state for session in state.sessions] == [SessionState.STOPPING]
    told = world.tasks.start(world.fleet.report("p", world.death()), "death")
    await world.clock.advance(0)
    assert world.fleet.get("p").sessions == ()
    world.store.full = False
    await world.clock.advance(AGAIN)
    assert await told
    (death,) = await world.store.deaths()
    assert (death.cause, death.by, death.counted) == (Cause.OPERATOR_STOP, "operator", False)


async def test_G4_a_fact_that_is_noted_holds_nobody_up(world: World) -> None:
    seen = f.Observed("s", SessionState.UNKNOWN, "its screen shows nothing")
    await asyncio.wait_for(world.fleet.note("p", seen), 5)
    session = world.fleet.get("p").session
    assert session is not None
    assert session.why == "its screen shows nothing"
    await world.fleet.note("nobody", seen)
