"""F18: what hangs costs a thread, and only what needs the same thing waits for it."""

import asyncio
import threading
from collections.abc import Iterator

import pytest

from roost.daemon.state.threads import HungError, Threads
from tests.support.wait import eventually

BOUND = 0.05


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


async def test_F18_work_that_hangs_is_given_up_and_its_thread_made_up_for(stuck: threading.Event) -> None:
    threads = Threads("test", 1, BOUND)
    for _ in range(3):
        with pytest.raises(HungError, match="does not answer"):
            await threads.run(stuck.wait)
        assert await threads.run(lambda: "done") == "done"


async def test_F18_what_hangs_is_not_begun_again_until_it_has_come_to_an_end(stuck: threading.Event) -> None:
    threads, begun = Threads("test", 4, BOUND), list[str]()

    def look() -> bool:
        begun.append("look")
        return stuck.wait()

    for _ in range(3):
        with pytest.raises(HungError):
            await threads.run_for("a", look)
    assert begun == ["look"]
    assert await threads.run_for("b", lambda: "other") == "other"
    stuck.set()

    async def answers() -> bool:
        try:
            return await threads.run_for("a", lambda: True)
        except HungError:
            return False

    await eventually(answers, timeout=30, why="the disk answers again")


async def test_F18_work_that_waits_for_a_thread_has_its_time_yet(stuck: threading.Event) -> None:
    threads = Threads("test", 1, BOUND)
    hangs = asyncio.gather(threads.run(stuck.wait), return_exceptions=True)
    assert await threads.run(lambda: "its turn") == "its turn"
    assert isinstance((await hangs)[0], HungError)


async def test_an_error_of_the_work_is_its_callers() -> None:
    with pytest.raises(FileNotFoundError):
        await Threads("test", 1, 1.0).run(open, "/not/there")
