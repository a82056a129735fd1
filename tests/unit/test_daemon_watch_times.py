"""Watches by a clock that was set: each lasts as long as it was to last, and sees what happens meanwhile."""

from collections.abc import AsyncIterator

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.watch import TTL, Watch, Watched, Write
from roost.daemon.state.clock_reading import read_clocks
from roost.daemon.state.file_writes import FileWrites
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Threads
from roost.daemon.state.watch_ends import LONGEST, WatchEnds
from roost.host.memory.clock import VirtualClock
from tests.support.full_store import FullStore
from tests.support.wait import eventually

FILE = "/nowhere/main.py"


class World:
    """A fleet that watches one file; `told` are the outcomes of what is told."""

    def __init__(self) -> None:
        self.clock, self.store, self.tasks = VirtualClock(), FullStore(), Tasks()
        self.fleet = Fleet(self.store, self.clock, Policy(), self.tasks)
        self.told: list[str] = []
        self.fleet.listeners.on_effect = self._effect

    def _effect(self, made: c.Effect) -> None:
        if isinstance(made, c.Notify):
            self.told.append(made.notice.outcome)

    async def prepare(self) -> None:
        now = self.clock.now()
        watch = Watch("w", "boss", Watched.FILE, FILE, now, now + TTL)
        await self.fleet.enact(lambda _now: [c.AddWatch(watch)])
        self.tasks.start(WatchEnds(self.fleet, self.clock).run(), "watches")
        await self.clock.advance(0)

    async def stored(self) -> Watch:
        return (await self.store.load()).watches[0]

    def write(self, peer: str) -> None:
        self.fleet.watches.wrote(Write(peer, FILE, self.clock.now()))


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.prepare()
    yield made
    await made.tasks.close()


@pytest.mark.parametrize("set_by", [25 * 3600.0, -25 * 3600.0])
async def test_a_watch_ends_after_its_time_wherever_the_clock_is_set(world: World, set_by: float) -> None:
    world.clock.jump(set_by)
    await world.clock.advance(TTL - LONGEST)
    assert world.told == []
    assert (await world.stored()).expires_at == world.clock.now() + LONGEST
    await world.clock.advance(LONGEST)
    assert world.told == ["expired"]


async def test_the_time_of_a_watch_runs_on_while_the_machine_sleeps(world: World) -> None:
    world.clock.suspend(TTL)
    await world.clock.advance(LONGEST)
    assert world.told == ["expired"]


async def test_a_new_daemon_finds_the_times_of_a_watch_moved(world: World) -> None:
    """Also where the store could not take them at first."""
    world.store.full = True
    world.clock.jump(-3600)
    await world.clock.advance(LONGEST)
    world.store.full = False
    await world.clock.advance(2 * LONGEST)
    found = await world.stored()
    assert found == world.fleet.watches.all()[0]
    assert (found.created_at, found.expires_at) == (
        pytest.approx(world.clock.now() - 3 * LONGEST),
        pytest.approx(world.clock.now() - 3 * LONGEST + TTL),
    )


@pytest.mark.parametrize("set_by", [-3600.0, 3600.0])
async def test_two_that_write_a_file_are_told_of_while_the_clock_is_set(world: World, set_by: float) -> None:
    """One writes before that, the other at once after it, before anybody has looked at the clock."""
    threads = Threads("files", 1, 10.0)
    world.tasks.start(FileWrites(world.fleet, world.clock, threads).run(), "file writes")
    world.write("a")
    await eventually(lambda: world.fleet.watches.all()[0].wrote, timeout=10, why="the first write is judged")
    world.clock.jump(set_by)
    world.write("b")
    await eventually(lambda: world.told, timeout=10, why="both writes are told of")
    assert world.told == ["file"]


async def test_what_is_decided_next_goes_by_the_clock_as_it_is(world: World) -> None:
    """Before anybody has looked at it."""
    world.clock.jump(25 * 3600)
    read = read_clocks(world.clock)
    world.fleet.watches.sight(read)
    assert world.fleet.watches.all()[0].expires_at == read.wall + TTL


async def test_a_watch_that_ends_while_its_times_cannot_be_stored_is_gone(world: World) -> None:
    world.store.full = True
    world.clock.jump(-3600)
    await world.clock.advance(LONGEST)
    world.store.full = False
    await world.fleet.enact(lambda _now: [c.EndWatch("w")])
    await world.clock.advance(2 * LONGEST)
    assert (await world.store.load()).watches == ()
