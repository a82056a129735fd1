"""A session at work in a person's own terminal is left alone until its files or its hooks tell (issue 17)."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

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
from roost.host.memory.clock import VirtualClock
from roost.local.paths import find_places
from roost.runtimes.view import Reading
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


class World:
    """One session, its driver and who looks at its files, on a clock that moves when it is told."""

    def __init__(self, folder: Path) -> None:
        """Its program is in a turn."""
        self.record, self.looks = folder / "record", 0
        self.clock, sessions = VirtualClock(), LiveSessions()
        fleet = Fleet(MemoryStore(), self.clock, Policy(), Tasks())
        fleet.load([PeerState(Peer("p", "5eed", Settings("/w", "claude"), 0.0), SESSION)])
        sensor = SimpleNamespace(
            since=0.0,
            watches_screen=False,
            find=self.look,
            tails=lambda: (self.record,),
            status_path=lambda _pid: None,
            on_lines=lambda _lines: (),
            reading=lambda: Reading(SessionState.WORKING, "in a turn"),
        )
        context = cast("Any", SimpleNamespace(session=SESSION))
        self.live = LiveSession(context, NOTHING, cast("Any", sensor), None, agent_pid=7)
        sessions.add(self.live)
        work, places = Work(), find_places({"ROOST_HOME": str(folder)})
        driver = Driver(self.live, fleet, self.clock, work.records)
        activity = Activity(fleet, sessions, places, self.clock, work.activity)
        self.tasks = [asyncio.create_task(driver.run()), asyncio.create_task(activity.run())]

    def look(self, *_: object) -> tuple[()]:
        """A real look."""
        self.looks += 1
        return ()

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


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path)
    yield world
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)


async def test_H6_one_at_work_is_looked_at_now_and_then_and_not_ten_times_a_second(world: World) -> None:
    """Hundreds of them kept the daemon busy: a death was told when their looks were over."""
    await world.rest()
    before = world.looks
    await world.pass_by(10.0)
    assert 8 * RECHECK <= world.looks - before <= 12 * RECHECK


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
