"""Virtual time and ids."""

import asyncio
import re
import uuid
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import roost.host.clock as clocks
from roost.host.clock import SystemClock
from roost.host.ids import SystemIds
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.ids import Ids
from roost.host.memory.clock import VirtualClock
from roost.host.memory.ids import SequenceIds


async def test_sleepers_wake_in_order_at_their_own_time() -> None:
    clock = VirtualClock(100.0)
    woken: list[tuple[str, float]] = []

    async def sleeper(name: str, *pauses: float) -> None:
        for pause in pauses:
            await clock.sleep(pause)
            woken.append((name, clock.now()))

    async with asyncio.TaskGroup() as group:
        group.create_task(sleeper("late", 5))
        group.create_task(sleeper("twice", 1, 1))
        group.create_task(sleeper("first", 1))
        await clock.advance(3)
        assert woken == [("twice", 101.0), ("first", 101.0), ("twice", 102.0)]
        assert clock.sleepers == 1
        await clock.advance(2)
    assert woken[-1] == ("late", 105.0)
    assert (clock.now(), clock.monotonic()) == (105.0, 5.0)


async def test_wall_clock_jumps_wake_nobody() -> None:
    clock = VirtualClock()
    async with asyncio.TaskGroup() as group:
        task = group.create_task(clock.sleep(10))
        await asyncio.sleep(0)
        clock.jump(1000)
        await clock.advance(9)
        assert not task.done()
        await clock.advance(1)


async def test_cancelled_sleeper_is_forgotten() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleepers == 0
    await clock.advance(2)


async def test_system_clock_moves() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0.001)
    assert clock.monotonic() >= before + 0.001
    assert clock.now() > 1_700_000_000


def test_both_kinds_of_ids_have_the_same_shape() -> None:
    kinds: list[Ids] = [SystemIds(), SequenceIds()]
    for ids in kinds:
        new = [ids.new() for _ in range(1000)]
        assert new == sorted(set(new))
        assert uuid.UUID(new[0]).version == 7
        assert re.fullmatch("[0-9a-f]{32}", new[0])
        assert re.fullmatch(r"[\w-]{43}", ids.token())


@given(st.lists(st.floats(-5, 5), max_size=50))
def test_ids_sort_by_age_even_when_the_clock_goes_back(jumps: list[float]) -> None:
    clock = VirtualClock()
    ids = SystemIds(clock)
    made = [ids.new()]
    for jump in jumps:
        clock.jump(jump)
        made.append(ids.new())
    assert made == sorted(set(made))


def test_G9_a_running_clock_leaves_out_the_time_for_which_nobody_read_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = 100.0
    monkeypatch.setattr(clocks, "time", SimpleNamespace(monotonic=lambda: at))
    clock = clocks.RunningClock()
    at += clocks.AWAY / 2
    assert clock.monotonic() == at, "the loop may take a while over one thing"
    at += 75.0
    assert clock.monotonic() == at - 75.0 + clocks.BEAT
    at += clocks.BEAT
    assert clock.monotonic() == at - 75.0 + clocks.BEAT
