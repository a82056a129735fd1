"""N4: a text that may have been entered shortly before its session ended is not offered again by itself."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Examination, Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.daemon.delivery.handover import HandOvers
from roost.daemon.effects import record_search
from roost.daemon.effects.examinations import Examinations
from roost.daemon.effects.record_search import RecordSearch
from roost.daemon.session.evidence import Finding
from roost.daemon.session.live_sessions import HandOver
from roost.runtimes.runtime import Controls
from tests.unit.test_daemon_examination import QuickClock

OFFERED = Message(
    "0" * 32, "asker", "worker", 0.0, 1, "d", state=MessageState.OFFERED, session="s1", attempts=2
)


@dataclass
class Session:
    handover: HandOver | None


def handover(*, enters: int, attempt: int = 2, message: str = OFFERED.id) -> HandOver:
    return HandOver(message, attempt, 100.0, enters=enters)


@pytest.mark.parametrize(
    ("known", "entered"),
    [
        (handover(enters=1), True),
        (handover(enters=0), False),
        (replace(handover(enters=1), queued=True), False),
        (handover(enters=1, attempt=1), False),
        (handover(enters=1, message="1" * 32), False),
        (None, False),
    ],
    ids=[
        "entered",
        "only pasted",
        "in its program's queue",
        "another attempt",
        "another message",
        "not pasted",
    ],
)
def test_N4_what_may_have_been_entered(known: HandOver | None, *, entered: bool) -> None:
    clock: Any = QuickClock()
    handed = HandOvers(clock)
    handed.begin(OFFERED, Session(known))
    clock.at = 105.0
    assert handed.entered(OFFERED) == (5.0 if entered else None)
    assert handed.entered(OFFERED) == 0.0, "what another daemon did is not known, and this is forgotten"


@pytest.mark.parametrize(
    ("late", "ago", "written", "verdict"),
    [
        (30.0, 1.0, 90.0, Examination.UNCLEAR),
        (30.0, 1.0, 100.5, Examination.ABSENT),
        (30.0, 40.0, 90.0, Examination.ABSENT),
        (0.0, 1.0, 90.0, Examination.ABSENT),
    ],
    ids=["just entered", "written since", "entered long ago", "writes at once"],
)
async def test_N4_no_record_proves_nothing_when_its_program_had_no_time_to_write_one(
    late: float, ago: float, written: float, verdict: Examination, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_search, "written_since", lambda _runtime, _context, at: written >= at)
    monkeypatch.setattr(
        record_search, "examine_record", lambda *_: Finding(Examination.ABSENT, "no record holds the message")
    )
    clock = QuickClock()
    state = PeerState(Peer("worker", "5eed", Settings("/w", "demo"), 0.0), None, (OFFERED,))

    async def run_for(_key: str, work: Any, *arguments: object) -> object:  # noqa: ANN401 -- any callable
        return work(*arguments)

    runtime = SimpleNamespace(controls=replace(Controls(), late=late))
    machine: Any = SimpleNamespace(
        clock=clock,
        work=SimpleNamespace(searches=SimpleNamespace(run_for=run_for)),
        runtimes=SimpleNamespace(get=lambda _name: runtime, servers=None),
    )
    context = SimpleNamespace(session=SimpleNamespace(id="s1"), settings=state.peer.settings)
    launcher: Any = SimpleNamespace(context=lambda *_: context)
    fleet: Any = SimpleNamespace(get=lambda _name: state)
    nothing: Any = None
    handed = HandOvers(cast("Any", clock))
    made = Examinations(machine, fleet, launcher, nothing, RecordSearch(machine), handed)
    handed.begin(OFFERED, Session(handover(enters=1)))
    clock.at = 100.0 + ago
    found = await made._examine_dead(c.Examine(None, "worker", OFFERED, "conversation"))
    assert found.verdict is verdict
