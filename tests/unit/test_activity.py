"""A session at work is left alone until its files, its hooks or its screen tell (H6; issue 17)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Processes, Session, SessionState, WakeCause
from roost.daemon.session.activity import AT_WORK, Activity
from roost.daemon.session.driver import RECHECK, Driver
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.host.interfaces.terminals import Frame
from roost.host.memory.clock import VirtualClock
from roost.local.paths import find_places
from roost.runtimes.view import Composer, Reading, View
from roost.store.memory import MemoryStore
from tests.support.wait import eventually

NOTHING = cast("Any", None)
PATIENCE = 30.0
SESSION = Session(
    "s",
    "p",
    1,
    "n",
    WakeCause.OPERATOR_FRESH,
    resumed=False,
    started_at=0.0,
    since=0.0,
    state=SessionState.WORKING,
    why="in a turn",
    processes=Processes(ProcessId("b", 7, 1), ProcessId("b", 6, 1), None, ""),
    ready=True,
    own_terminal=True,
)
FRAME = Frame("some screen", "", 160, 50, "", logged=True, keyed=None)


class World:
    """One session, its driver and who looks at its files, on a clock that moves when it is told."""

    def __init__(self, folder: Path, *, shown: bool = False, watches: bool = False) -> None:
        """Its program is in a turn, `shown` in a terminal of ours; its screen tells of the turn, or not."""
        self.record, self.looks, self.screens = folder / "record", 0, 0
        self.log = folder / "log"
        self.log.touch()
        self.clock, sessions = VirtualClock(), LiveSessions()
        fleet = Fleet(MemoryStore(), self.clock, Policy(), Tasks())
        session = replace(SESSION, own_terminal=not shown)
        fleet.load([PeerState(Peer("p", "5eed", Settings("/w", "claude"), 0.0), session)])
        sensor = SimpleNamespace(
            since=0.0,
            watches_screen=watches,
            styled=False,
            on_screen=lambda _screen, _title: View(Composer.HIDDEN),
            find=self.look,
            tails=lambda: (self.record,),
            status_path=lambda _pid: None,
            on_lines=lambda _lines: (),
            reading=lambda: Reading(SessionState.WORKING, "in a turn"),
        )
        context = cast("Any", SimpleNamespace(session=session))
        terminal = SimpleNamespace(look=self.see, caption=self.hear)
        shown_in = cast("Any", terminal) if shown else None
        self.live = LiveSession(context, NOTHING, cast("Any", sensor), shown_in, agent_pid=7, log=self.log)
        sessions.add(self.live)
        work, places = Work(), find_places({"ROOST_HOME": str(folder)})
        driver = Driver(self.live, fleet, self.clock, work.records)
        activity = Activity(fleet, sessions, places, self.clock, work.activity)
        self.tasks = [asyncio.create_task(driver.run()), asyncio.create_task(activity.run())]

    def look(self, *_: object) -> tuple[()]:
        """A real look."""
        self.looks += 1
        return ()

    async def see(self, **_: object) -> Frame:
        """A look at its screen."""
        self.screens += 1
        return FRAME

    async def hear(self, *_: object) -> None:
        """A caption."""

    async def rest(self) -> None:
        """Its driver rests, and what was found in its files is known."""
        await eventually(self.rests, timeout=PATIENCE, why="the driver rests")
        before = self.looks
        await self.pass_by(2.0)
        await eventually(lambda: self.looks > before, timeout=PATIENCE, why="its files were looked at")
        await eventually(self.rests, timeout=PATIENCE, why="the driver rests")

    def rests(self) -> bool:
        """The driver and who looks at its files both sleep."""
        return self.live.quiet is not None and self.clock.sleepers >= 2

    async def pass_by(self, seconds: float) -> None:
        """Time goes by; whatever was begun in it comes to its end."""
        for _ in range(round(seconds / AT_WORK)):
            await self.clock.advance(AT_WORK)
            await eventually(self.rests, timeout=PATIENCE, why="the look is over")


@asynccontextmanager
async def running(world: World) -> AsyncIterator[World]:
    try:
        yield world
    finally:
        for task in world.tasks:
            task.cancel()
        await asyncio.gather(*world.tasks, return_exceptions=True)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with running(World(tmp_path)) as world:
        yield world


async def test_H6_one_at_work_is_looked_at_now_and_then_and_not_ten_times_a_second(world: World) -> None:
    """Hundreds of them kept the daemon busy: a death was told when their looks were over."""
    await world.rest()
    before = world.looks
    await world.pass_by(10.0)
    assert 8 * RECHECK <= world.looks - before <= 12 * RECHECK


async def test_H6_its_first_turn_is_read_on_as_soon(world: World) -> None:
    """Those that rest are looked at once a second: that was waited out when one began to work."""
    await eventually(world.rests, timeout=PATIENCE, why="the driver rests")
    before = world.looks
    world.record.write_text("its answer")
    await world.pass_by(2 * AT_WORK)
    await eventually(lambda: world.looks > before, timeout=PATIENCE, why="it was looked at, by then")


async def test_H6_what_it_writes_is_read_within_a_tenth_of_a_second(world: World) -> None:
    await world.rest()
    before = world.looks
    for number in range(5):
        world.record.write_text("x" * (number + 1))
        await world.pass_by(AT_WORK)
        await eventually(lambda: world.looks > before, timeout=PATIENCE, why="it was looked at, by then")  # noqa: B023
        await eventually(world.rests, timeout=PATIENCE, why="the look is over")
        before = world.looks


async def test_H6_a_hook_has_it_looked_at_at_once(world: World) -> None:
    await world.rest()
    before = world.looks
    world.live.poke.set()
    await eventually(lambda: world.looks > before, timeout=PATIENCE, why="a look without time going by")


async def test_H6_where_files_tell_of_a_turn_what_is_drawn_is_not_looked_at(tmp_path: Path) -> None:
    async with running(World(tmp_path, shown=True)) as world:
        await world.rest()
        before = world.looks
        for number in range(50):
            world.log.write_text("x" * (number + 1))
            await world.pass_by(AT_WORK)
        assert 4 * RECHECK <= world.looks - before <= 6 * RECHECK
        assert world.screens == 0


async def test_H6_a_screen_that_tells_of_a_turn_is_looked_at_twice_a_second_while_it_is_drawn(
    tmp_path: Path,
) -> None:
    """And soon after the last of it: the end of a turn, or a question in it."""
    async with running(World(tmp_path, shown=True, watches=True)) as world:
        await world.rest()
        before = world.screens
        for number in range(50):
            world.log.write_text("x" * (number + 1))
            await world.pass_by(AT_WORK)
        assert 9 <= world.screens - before <= 16
        before = world.screens
        world.log.write_text("the last of it")
        await world.pass_by(2 * AT_WORK)
        await eventually(
            lambda: world.screens > before, timeout=PATIENCE, why="its screen is looked at, by then"
        )
