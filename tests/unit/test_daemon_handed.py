"""N4: a text that may have been entered shortly before its session ended is not offered again by itself."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from roost.core import commands as c
from roost.core.message import Examination, Message, MessageState
from roost.core.peer import Peer, PeerState, Settings
from roost.daemon import executor
from roost.daemon.evidence import Finding
from roost.daemon.executor import Executor
from roost.daemon.handed import Handed
from roost.daemon.live import Handing
from roost.runtimes.base import Controls
from tests.unit.test_daemon_deliver import QuickClock

OFFERED = Message(
    "0" * 32, "asker", "worker", 0.0, 1, "d", state=MessageState.OFFERED, session="s1", attempts=2
)


def handing(*, enters: int, attempt: int = 2, message: str = OFFERED.id) -> Handing:
    return Handing(message, attempt, 100.0, enters=enters)


@pytest.mark.parametrize(
    ("known", "after", "entered"),
    [
        (handing(enters=1), 5.0, True),
        (handing(enters=1), 60.0, False),
        (handing(enters=0), 5.0, False),
        (handing(enters=1, attempt=1), 5.0, False),
        (handing(enters=1, message="1" * 32), 5.0, False),
        (None, 5.0, False),
    ],
    ids=["just now", "long ago", "only pasted", "another attempt", "another message", "not pasted"],
)
def test_N4_what_may_have_been_entered_lately(known: Handing | None, after: float, *, entered: bool) -> None:
    clock: Any = QuickClock()
    handed = Handed(clock)
    handed.note(OFFERED, known)
    clock.at = 100.0 + after
    assert handed.entered(OFFERED, 30.0) is entered
    assert handed.entered(OFFERED, 30.0), "what another daemon did is not known, and this is forgotten"


@pytest.mark.parametrize(("late", "verdict"), [(30.0, Examination.UNCLEAR), (0.0, Examination.ABSENT)])
async def test_N4_no_record_proves_nothing_when_its_program_had_no_time_to_write_one(
    late: float, verdict: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        executor, "examine_record", lambda *_: Finding(Examination.ABSENT, "no record holds the message")
    )
    clock = QuickClock()
    state = PeerState(Peer("worker", "5eed", Settings("/w", "demo"), 0.0), None, (OFFERED,))

    async def run_for(_key: str, work: Any, *arguments: object) -> object:  # noqa: ANN401 -- any callable
        return work(*arguments)

    runtime = SimpleNamespace(controls=replace(Controls(), late=late))
    machine: Any = SimpleNamespace(
        clock=clock,
        work=SimpleNamespace(searches=SimpleNamespace(run_for=run_for)),
        runtimes=SimpleNamespace(get=lambda _name: runtime),
    )
    context = SimpleNamespace(session=SimpleNamespace(id="s1"))
    launcher: Any = SimpleNamespace(context=lambda *_: context)
    listeners: list[Any] = []
    fleet: Any = SimpleNamespace(get=lambda _name: state, on_committed=listeners)
    nothing: Any = None
    made = Executor(machine, fleet, launcher, nothing, nothing, nothing, nothing, nothing)
    made._handed.note(OFFERED, handing(enters=1))
    clock.at = 101.0
    found = await made._examine_dead(c.Examine(None, "worker", OFFERED, "conversation"))
    assert found.verdict is verdict
