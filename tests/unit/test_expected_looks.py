"""What is expected is looked for often at first, and less often the longer it does not come."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import SessionState, stand_in
from roost.daemon.session.driver import EXPECTING, LONGER, WORKING, Driver, pace
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.host.memory.clock import VirtualClock
from roost.runtimes.view import Reading
from roost.store.memory import MemoryStore
from tests.support.wait import eventually

NOTHING = cast("Any", None)
PATIENCE = 30.0
STARTING = replace(stand_in("s", "p", 1, None), state=SessionState.STARTING, why="it starts")
PEER = Peer("p", "5eed", Settings("/w", "demo"), 0.0)


class World:
    """A session that starts and shows nothing, and its driver, on a clock that moves when it is told."""

    def __init__(self) -> None:
        self.at: list[float] = []
        self.reading: Reading | None = None
        self.clock = VirtualClock()
        self.fleet = Fleet(MemoryStore(), self.clock, Policy(), Tasks())
        self.fleet.load([PeerState(PEER, STARTING)])
        sensor = SimpleNamespace(
            since=0.0,
            watches_screen=False,
            find=self.look,
            tails=lambda: (),
            status_path=lambda _pid: None,
            on_lines=lambda _lines: (),
            reading=lambda: self.reading,
            boot_answer=lambda _screen: None,
        )
        context = cast("Any", SimpleNamespace(session=STARTING))
        live = LiveSession(context, NOTHING, cast("Any", sensor), None, agent_pid=7)
        self.driver = Driver(live, self.fleet, self.clock, Work().records)
        self.task = asyncio.create_task(self.driver.run())

    def look(self, *_: object) -> tuple[()]:
        self.at.append(self.clock.monotonic())
        return ()

    def offer(self, ident: str) -> None:
        """It is at its prompt, and a message has been pasted there."""
        self.reading = Reading(SessionState.IDLE, "at its prompt")
        ready = replace(STARTING, state=SessionState.IDLE, why="at its prompt", ready=True)
        offered = Message(ident, "o", "p", 0.0, 1, "d", state=MessageState.OFFERED, session="s", attempts=1)
        self.fleet.load([PeerState(PEER, ready, messages=(offered,))])

    async def pass_by(self, seconds: float) -> None:
        """Time goes by; each look in it comes to its end."""
        for _ in range(round(seconds / EXPECTING)):
            await eventually(lambda: self.clock.sleepers, timeout=PATIENCE, why="the driver rests")
            await self.clock.advance(EXPECTING)
        await eventually(lambda: self.clock.sleepers, timeout=PATIENCE, why="the driver rests")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    world.task.cancel()
    await asyncio.gather(world.task, return_exceptions=True)


async def test_a_start_is_looked_at_often_at_first_and_ten_times_a_second_in_the_end(world: World) -> None:
    await world.pass_by(5.0)
    early = [at for at in world.at if at <= EXPECTING / LONGER]
    late = [at for at in world.at if at > 4.0]
    assert len(early) >= 0.8 / LONGER
    assert 0.7 / WORKING <= len(late) <= 1.1 / WORKING
    assert len(world.at) <= 0.4 * 5.0 / EXPECTING


def test_nothing_is_noticed_later_than_a_tenth_of_the_time_that_it_took() -> None:
    for waited in (0.0, 0.1, 0.3, 0.7, 2.0, 60.0):
        assert pace(waited, EXPECTING) <= max(EXPECTING, waited / 10)
        assert EXPECTING <= pace(waited, EXPECTING) <= WORKING


async def test_each_offer_is_expected_anew(world: World) -> None:
    """The evidence of the second one is looked for as often as that of the first."""
    for ident in ("m1", "m2"):
        world.offer(ident)
        await world.pass_by(5.0)
        begun = world.clock.monotonic() - 5.0
        early = [at for at in world.at if begun + WORKING <= at <= begun + EXPECTING / LONGER]
        assert len(early) >= 0.2 / LONGER, ident
