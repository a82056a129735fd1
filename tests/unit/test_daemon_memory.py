"""Memory is given back every minute, also after a minute in which no thread had time for it."""

import asyncio

import pytest

from roost.daemon.health import memory
from roost.daemon.health.memory import Memory
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import BusyError, Threads
from roost.host.memory.clock import VirtualClock
from tests.support.wait import eventually


async def test_it_is_given_back_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, tasks, threads, given = VirtualClock(), Tasks(), Threads("test", 1, 10.0), list[float]()

    def give_back() -> None:
        given.append(clock.monotonic())
        if len(given) == 1:
            raise BusyError("test")

    monkeypatch.setattr(memory, "give_back", give_back)
    tasks.start(Memory(clock, threads).run(), "memory")
    for minute in (1, 2):

        async def asleep() -> bool:
            return bool(clock.sleepers)

        await eventually(asleep, timeout=10, why="it sleeps")
        await clock.advance(59.0)
        assert len(given) == minute - 1
        await clock.advance(1.0)

        async def done(count: int = minute) -> bool:
            await asyncio.sleep(0)
            return len(given) == count

        await eventually(done, timeout=10, why="it is given back")
    assert given == [60.0, 120.0]
    await tasks.close()
