"""Background tasks at the end of the daemon."""

import asyncio

import pytest

from roost.daemon.state import tasks as module
from roost.daemon.state.tasks import Tasks
from roost.errors import RefusedError


async def test_N8_one_that_loses_its_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.01)
    tasks, lost = Tasks(), list[str]()

    async def connects_for_ever() -> None:
        """As the way to a hub that lets nobody in, where the answer comes just as we are to end."""
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append("once")

    running = tasks.start(connects_for_ever(), "link")
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await tasks.close()
    assert lost == ["once"]
    assert running.cancelled()


async def test_one_that_still_tidies_up_is_waited_for() -> None:
    tasks, begun, go_on = Tasks(), asyncio.Event(), asyncio.Event()
    tidied: list[str] = []

    async def works() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            begun.set()
            await go_on.wait()
            tidied.append("all")

    tasks.start(works(), "work")
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(tasks.close())
    await begun.wait()
    assert not closing.done()
    go_on.set()
    await closing
    assert tidied == ["all"]


async def test_what_is_to_be_whole_goes_on_though_its_caller_is_cancelled() -> None:
    tasks, go_on = Tasks(), asyncio.Event()
    done: list[str] = []

    async def works() -> None:
        await go_on.wait()
        done.append("done")

    caller = asyncio.get_running_loop().create_task(tasks.whole(works(), "work"))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert tasks._running
    go_on.set()
    await asyncio.gather(*tasks._running)
    assert done == ["done"]


async def test_what_is_to_be_whole_tells_its_caller_why_it_failed(caplog: pytest.LogCaptureFixture) -> None:
    async def fails() -> None:
        raise RefusedError("no")

    with pytest.raises(RefusedError, match="no"):
        await Tasks().whole(fails(), "work")
    assert caplog.text == ""
