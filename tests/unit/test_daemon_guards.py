"""Ends that nobody asked for need positive proof of idleness, taken right before (N5)."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from roost.core.vocabulary.commands import End
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Cause, Processes, Session, SessionState, WakeCause
from roost.daemon.death.guards import HUMAN, LOOK, SOON, Guards
from roost.daemon.state.threads import Work
from roost.host.errors import TmuxTimeout
from roost.host.interfaces.processes import Marker
from roost.host.memory.clock import VirtualClock
from roost.host.memory.processes import MemoryProcesses
from roost.runtimes.view import Composer, Reading, View


class Stage:
    """A session with its twins, and what they show."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.processes = MemoryProcesses()
        self.server = self.processes.spawn()
        marker = Marker("s", "n")
        self.shim = self.processes.spawn(parent=self.server.pid, marker=marker)
        self.agent = self.processes.spawn(parent=self.shim.pid, marker=marker)
        self.attached = 0
        self.touched: float | None = None
        self.reading: Reading | None = Reading(SessionState.IDLE, "at its prompt")
        self.view = View(Composer.EMPTY)
        self.screen = "demo>"
        self.error: Exception | None = None

    async def clients(self) -> int:
        return self.attached

    async def last_input(self) -> float | None:
        return self.touched

    async def look(self, *, screen: bool) -> Reading | None:
        assert screen
        if self.error is not None:
            raise self.error
        return self.reading

    @property
    def terminal(self) -> "Stage":
        return self

    def end(self, *, guarded: bool = True, cause: Cause = Cause.IDLE_SLEEP) -> End:
        processes = Processes(self.agent, self.shim, self.server, "/s")
        session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0, 0, processes=processes)
        return End(session, cause, "roost", guarded=guarded)

    async def asked(
        self, *, guarded: bool = True, held: bool = True, cause: Cause = Cause.IDLE_SLEEP
    ) -> tuple[str, float] | None:
        """The veto's reason, and for how long it holds."""
        machine: Any = SimpleNamespace(clock=self.clock, processes=self.processes, work=Work())
        me: Any = self if held else None
        veto = await Guards(machine).against(self.end(guarded=guarded, cause=cause), me, me)
        return None if veto is None else (veto.why, veto.until - self.clock.now())


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_N5_an_idle_session_may_be_put_to_sleep(stage: Stage) -> None:
    assert await stage.asked() is None


async def test_an_end_that_was_asked_for_is_not_guarded(stage: Stage) -> None:
    stage.reading = None
    assert await stage.asked(guarded=False) is None


@pytest.mark.parametrize(
    ("reading", "view", "why"),
    [
        (None, View(Composer.EMPTY), "nothing tells"),
        (Reading(SessionState.WORKING, "a turn runs"), View(Composer.HIDDEN), "a turn runs"),
        (Reading(SessionState.IDLE, "p"), View(Composer.FILLED), "draft"),
        (Reading(SessionState.IDLE, "p"), View(Composer.EMPTY, dialog="Allow?"), "Allow?"),
    ],
)
async def test_N5_what_a_fresh_look_shows_is_a_veto(
    stage: Stage, reading: Reading | None, view: View, why: str
) -> None:
    stage.reading, stage.view = reading, view
    veto = await stage.asked()
    assert veto is not None
    assert why in veto[0]
    assert veto[1] == pytest.approx(SOON)


async def test_N5_what_cannot_be_seen_is_a_veto(stage: Stage) -> None:
    stage.error = TmuxTimeout("tmux is mute")
    assert "tmux is mute" in ((await stage.asked()) or ("",))[0]
    stage.error = ValueError("nobody thought of that")
    assert "a defect of the daemon (ValueError)" in ((await stage.asked()) or ("",))[0]
    stage.error = None
    stage.processes.broken = True
    assert "process table" in ((await stage.asked()) or ("",))[0]
    stage.processes.broken = False
    assert await stage.asked(held=False) is not None
    stage.screen = " \n"
    asked = asyncio.create_task(stage.asked())
    while not asked.done():
        await stage.clock.advance(LOOK)
    assert "shows nothing" in ((await asked) or ("",))[0]


async def test_N5_a_program_that_answers_before_it_has_drawn_may_be_ended_once_it_has(stage: Stage) -> None:
    """Else an agent whose daemon died as it asked for its tools gets its next message without them."""
    stage.screen = ""
    asked = asyncio.create_task(stage.asked())
    await stage.clock.advance(LOOK)
    assert not asked.done()
    stage.screen = "demo>"
    await stage.clock.advance(LOOK)
    assert await asked is None


async def test_N5_a_person_at_the_keyboard_is_a_veto_until_they_have_been_away(stage: Stage) -> None:
    stage.attached, stage.touched = 1, stage.clock.now()
    veto = await stage.asked()
    assert veto is not None
    assert veto[1] == pytest.approx(HUMAN)
    await stage.clock.advance(HUMAN)
    assert await stage.asked() is None


async def test_N5_a_child_at_work_is_a_veto_and_a_resting_one_is_none(stage: Stage) -> None:
    child = stage.processes.spawn(parent=stage.agent.pid)

    def read(processes: list[ProcessId]) -> float:
        nonlocal used
        assert processes == [child]
        used += per_look
        return used

    used, per_look = 5.0, 0.0
    stage.processes.cpu_seconds = read  # pyright: ignore[reportAttributeAccessIssue]
    assert await running(stage) is None
    per_look = 0.5
    assert "at work" in ((await running(stage)) or ("",))[0]


async def running(stage: Stage) -> tuple[str, float] | None:
    """Ask, and let the time pass over which the child is watched."""
    task = asyncio.get_running_loop().create_task(stage.asked())
    while not task.done():
        await stage.clock.advance(0.25)
    return await task


@pytest.mark.parametrize("cause", [Cause.EPHEMERAL_DONE, Cause.EPHEMERAL_SILENT])
async def test_N5_only_a_person_puts_off_the_end_of_a_worker_for_a_short_time(
    stage: Stage, cause: Cause
) -> None:
    stage.reading = Reading(SessionState.WORKING, "a turn runs")
    assert await stage.asked(cause=cause) is None, "one that hangs ends"
    assert await stage.asked(cause=cause, held=False) is None
    stage.attached, stage.touched = 1, stage.clock.now() - 5.0
    assert await stage.asked(cause=cause) == ("a person works in its terminal", 15.0)
    stage.attached = 0
    assert await stage.asked(cause=cause) is None
