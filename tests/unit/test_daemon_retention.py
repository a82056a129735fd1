"""F20: what has ended long ago is let go of by the time that is known, and not by a clock that was set."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import MessageState
from roost.daemon.health.known_time import DAY, KnownTime
from roost.daemon.health.retention import EVERY, Retention
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.host.memory.clock import VirtualClock
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore
from tests.support.store_samples import mail, message, peer
from tests.support.wait import eventually

NOW, YEAR, HOUR = 1_750_000_000.0, 365 * DAY, 3600.0
KEPT = 90 * DAY


def run(known: KnownTime, hours: float, now: float) -> tuple[KnownTime, float]:
    """The daemon runs for so long, from a start on, and looks every hour."""
    known = known.later(0.0, now)
    for _ in range(int(hours)):
        now += HOUR
        known = known.later(HOUR, now)
    return known, now


def test_a_clock_that_goes_on_is_believed_however_it_is_looked_at() -> None:
    known, now = run(KnownTime(NOW), 50, NOW)
    assert known == KnownTime(now)
    assert known.later(0.0, now + DAY) == KnownTime(now + DAY), "off over night"
    assert known.later(0.0, now - DAY) == KnownTime(now - DAY)
    assert known.later(9 * DAY, now + 9 * DAY) == KnownTime(now + 9 * DAY), "it slept"


def test_a_clock_years_ahead_is_not_believed_over_many_starts() -> None:
    known = KnownTime(NOW)
    for start in range(20):
        known, _ = run(known, 1, NOW + YEAR + start * HOUR)
    assert known.at == NOW + 20 * HOUR, "it goes on as the daemon does"
    assert known.later(0.0, NOW + DAY) == KnownTime(NOW + DAY), "the clock is right again: all is forgotten"


def test_a_clock_that_jumps_while_the_daemon_runs_is_not_believed() -> None:
    known, _ = run(KnownTime(NOW).later(600.0, NOW + 600 + YEAR), 23, NOW + 600 + YEAR)
    assert known.at == NOW + 600 + 23 * HOUR


def test_a_host_that_was_off_for_months_is_believed_after_a_day_of_running() -> None:
    known, now = run(KnownTime(NOW), 23, NOW + YEAR)
    assert known.at < NOW + 2 * DAY
    known, now = run(known, 1, now)
    assert known == KnownTime(now)


def test_a_host_that_runs_an_hour_a_week_is_believed_in_the_end() -> None:
    known, now = KnownTime(NOW), NOW
    for week in range(120):
        known, now = run(known, 1, NOW + week * 7 * DAY)
        assert now - known.at <= 50 * 7 * DAY
    assert known.at > NOW + YEAR


def test_of_several_clocks_that_were_wrong_no_later_one_is_believed_with_an_earlier_one() -> None:
    known, now = run(KnownTime(NOW), 20, NOW + YEAR)
    known, _ = run(known, 5, NOW + 9 * YEAR)
    assert known.at < now + DAY


def test_a_host_that_begins_in_1970_at_each_start_is_believed_too() -> None:
    known, now = KnownTime(NOW), NOW
    for start in range(30):
        known = known.later(0.0, 0.0)
        known, now = run(known.later(60.0, NOW + YEAR + start * DAY / 2), 2, NOW + YEAR + start * DAY / 2)
    assert now - known.at < 30 * DAY


def test_a_clock_that_was_believed_and_is_set_right_is_believed_after_a_day_as_well() -> None:
    known, now = run(KnownTime(NOW + YEAR), 23, NOW)
    assert known.at > now
    known, now = run(known, 1, now)
    assert known == KnownTime(now)


class World:
    """A store with one message that is over, and daemons that look after it."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore()
        self.folder = folder
        self.over = message(1, state=MessageState.DONE, done_at=self.clock.now())

    async def fill(self) -> None:
        await self.store.commit(Batch(self.clock.now(), (c.SavePeer(peer()),)))
        await self.store.commit(mail(self.over))

    def start(self, tasks: Tasks) -> None:
        machine = SimpleNamespace(
            store=self.store,
            clock=self.clock,
            config=SimpleNamespace(keep_messages=KEPT, keep_events=KEPT),
            places=SimpleNamespace(attachments=self.folder),
            work=Work(),
        )
        lineage = SimpleNamespace(problem=lambda: None)
        tasks.start(Retention(cast("Any", machine), cast("Any", lineage)).run(), "retention")

    async def looked(self) -> None:
        async def asleep() -> bool:
            return bool(self.clock.sleepers)

        await eventually(asleep, timeout=10, why="it has looked")

    async def day(self) -> None:
        for _ in range(int(DAY / EVERY)):
            await self.clock.advance(EVERY)
            await self.looked()


async def _starts(world: World) -> None:
    """The clock is wrong from a start on, and over another one; the first event has its time."""
    for _ in range(2):
        tasks = Tasks()
        await world.store.commit(Batch(world.clock.now(), journal=(c.Journal("idle", "worker"),)))
        world.start(tasks)
        await world.looked()
        await tasks.close()
    world.start(Tasks())


async def _runs(world: World) -> None:
    """The daemon runs on."""
    world.clock.jump(-YEAR)
    world.start(Tasks())
    await world.looked()
    world.clock.jump(YEAR)
    await world.store.commit(Batch(world.clock.now(), journal=(c.Journal("idle", "worker"),)))


@pytest.mark.parametrize("goes_on", [_starts, _runs])
async def test_F20_what_ended_is_there_after_a_start_a_year_ahead_and_goes_after_a_day(
    tmp_path: Path, goes_on: Callable[[World], Awaitable[None]]
) -> None:
    world, tasks = World(tmp_path), Tasks()
    await world.fill()
    world.start(tasks)
    await world.looked()
    await tasks.close()
    world.clock.jump(YEAR)
    await goes_on(world)
    await world.clock.advance(EVERY)
    await world.looked()
    assert await world.store.message(world.over.id) is not None
    await world.day()
    assert await world.store.message(world.over.id) is None, (
        "the host was off for a year: it only takes longer"
    )
