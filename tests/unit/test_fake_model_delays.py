"""The delays of the fake model's answers, which a test ends from its own thread."""

import asyncio
import threading

from roost.fake_model.delays import Delays
from tests.support.wait import eventually

FOR_EVER = 1e6


async def test_those_under_way_end_none_is_waited_for_then_and_later_ones_are_again() -> None:
    delays = Delays()
    waiting = [asyncio.create_task(delays.wait(FOR_EVER)) for _ in range(2)]
    await eventually(lambda: len(delays._waits) == 2, timeout=10, why="both wait")
    ends = threading.Thread(target=delays.end)
    ends.start()
    await asyncio.wait_for(asyncio.gather(*waiting), 10)
    ends.join()
    await asyncio.wait_for(delays.wait(FOR_EVER), 10)
    delays.begin()
    waits = asyncio.create_task(delays.wait(FOR_EVER))
    await eventually(lambda: len(delays._waits) == 1, timeout=10, why="it waits")
    assert not waits.done()
    delays.end()
    await asyncio.wait_for(waits, 10)


async def test_one_that_is_not_ended_takes_its_time() -> None:
    delays, loop = Delays(), asyncio.get_running_loop()
    begun = loop.time()
    await delays.wait(0.05)
    assert loop.time() - begun >= 0.05
    assert not delays._waits
