"""F18: what hangs costs a thread, and only what needs the same thing waits for it."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Processes, stand_in
from roost.daemon.session import folder
from roost.daemon.session.activity import Activity
from roost.daemon.session.folder import Folders
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import HungError, Threads
from roost.host.memory.clock import VirtualClock
from roost.local.paths import find_places
from roost.store.memory import MemoryStore
from tests.support.wait import eventually

BOUND = 0.05
PROCESSES = Processes(ProcessId("b", 7, 1), ProcessId("b", 6, 1), None, "")


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


class GivenUpAtItsEnd:
    """Threads whose work comes to its end in the moment in which it is given up."""

    async def run(self, work: Callable[..., None], *args: object) -> None:
        """Do it, and give it up."""
        work(*args)
        raise HungError(BOUND)


async def test_F18_a_look_that_ends_as_it_is_given_up_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop that looks ended for good, and no session was looked at any more."""
    clock, sessions, nothing = VirtualClock(), LiveSessions(), cast("Any", None)
    session = replace(stand_in("s", "p", 0, None), processes=PROCESSES)
    context = cast("Any", SimpleNamespace(session=session, home=tmp_path))
    live = LiveSession(context, nothing, nothing, None, agent_pid=1, quiet=(str(tmp_path),))
    sessions.add(live)
    fleet, threads = Fleet(MemoryStore(), clock, Policy(), Tasks()), cast("Any", GivenUpAtItsEnd())
    activity = Activity(fleet, sessions, find_places({"ROOST_HOME": str(tmp_path)}), clock, threads)
    await activity.look(at_work=False)
    assert live.quiet is not None, "it was seen"
    monkeypatch.setattr(folder, "Threads", lambda *_: threads)
    await Folders(sessions, clock).look()
