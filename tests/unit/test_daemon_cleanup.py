"""What cannot be ended is told, holds up nothing for ever, and is not forgotten (N7); all on twins."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy
from roost.daemon.death.authority import TREE, Authority
from roost.daemon.death.cleanup import AGAIN, Cleanup
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.host.interfaces.processes import Marker
from roost.host.memory.clock import VirtualClock
from roost.host.memory.processes import MemoryProcesses
from roost.store.interfaces import Batch, intent_for
from roost.store.memory import MemoryStore
from tests.support.wait import eventually

PATIENCE = 30.0
REMAINS = c.Clear("s", "a", "n", None)


class Stubborn(MemoryProcesses):
    """A table in which some hang in the kernel: a signal reaches them only when they come back."""

    def __init__(self) -> None:
        super().__init__()
        self.hanging: set[int] = set()

    def signal(self, process: ProcessId, signum: int) -> bool:
        return True if process.pid in self.hanging else super().signal(process, signum)


class Stage:
    """A fleet of one peer, whose ended session has left processes."""

    def __init__(self) -> None:
        self.store, self.clock, self.tasks, self.processes = (
            MemoryStore(),
            VirtualClock(),
            Tasks(),
            Stubborn(),
        )
        self.fleet = Fleet(self.store, self.clock, Policy(waking=False), self.tasks)
        places = SimpleNamespace(home="/home")
        machine: Any = SimpleNamespace(clock=self.clock, processes=self.processes, places=places, work=Work())
        self.cleanup = Cleanup(self.fleet, Authority(machine, self.fleet), self.clock)

    async def open(self) -> list[str]:
        """Intents that are not settled."""
        return [intent.key for intent in (await self.store.load()).intents]

    async def alarms(self) -> list[str]:
        """What the journal says aloud."""
        return [row.data["why"] for row in await self.store.events() if row.kind == "alarm"]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    await made.fleet.add(Peer("a", "5eed", Settings(dir="/", runtime="demo"), created_at=0))
    await made.store.commit(Batch(at=0, intents=(intent_for(REMAINS, 0),)))
    yield made
    await made.tasks.close()


async def test_N7_a_launch_waits_until_the_tree_is_empty(stage: Stage) -> None:
    child = stage.processes.spawn(marker=Marker("s", "n", "/home"))
    stranger = stage.processes.spawn(marker=Marker("other", "n", "/home"))
    stage.cleanup.announce(REMAINS)
    launch = stage.tasks.start(stage.cleanup.over("a"), "launch")
    other = stage.tasks.start(stage.cleanup.over("b"), "launch of another peer")
    await asyncio.wait_for(other, PATIENCE)
    assert not launch.done()
    cleanup = stage.tasks.start(stage.cleanup.clear(REMAINS), "clear")

    async def over() -> bool:
        await stage.clock.advance(0.01)
        return cleanup.done()

    await eventually(over, timeout=PATIENCE, why="it is cleared")
    await asyncio.wait_for(launch, PATIENCE)
    assert stage.processes.signals == [(child, 9)]
    assert stage.processes.identify(stranger.pid) == stranger
    assert await stage.open() == []
    assert await stage.alarms() == []


async def test_N7_what_hangs_in_the_kernel_is_an_alarm_once_and_is_tried_until_it_is_gone(
    stage: Stage,
) -> None:
    child = stage.processes.spawn(marker=Marker("s", "n", "/home"))
    stage.processes.hanging.add(child.pid)
    cleanup = stage.tasks.start(stage.cleanup.clear(REMAINS), "clear")
    launch = stage.tasks.start(stage.cleanup.over("a"), "launch")

    async def told() -> bool:
        await stage.clock.advance(TREE / 4)
        return launch.done() and bool(await stage.alarms())

    await eventually(told, timeout=PATIENCE, why="the launch goes on, and it was told")
    assert await stage.open() == [REMAINS.key]
    assert not cleanup.done()
    stage.processes.hanging.clear()

    async def over() -> bool:
        await stage.clock.advance(AGAIN / 4)
        return cleanup.done()

    await eventually(over, timeout=PATIENCE, why="it is ended after all")
    assert stage.processes.identify(child.pid) is None
    assert [str(child.pid) in why for why in await stage.alarms()] == [True]
    assert await stage.open() == []
