"""What an examination may conclude from an empty input line and a record without the message (N4)."""

from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.message import Examination, Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.paste.examination import READ, LiveExamination
from roost.host.interfaces.terminals import Passed
from roost.runtimes.runtime import Controls
from roost.runtimes.view import Composer, Reading, View

OFFERED = Message(
    "0" * 32, "asker", "worker", 0.0, 1, "d", state=MessageState.OFFERED, session="s1", attempts=1
)


class QuickClock:
    """Sleeping takes no time but the clock's."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


def examination(
    entered: tuple[str, int] | None,
    *,
    records: bool,
    current: bool = True,
    message: Message = OFFERED,
    passed: Passed | None = None,
    clock: QuickClock | None = None,
) -> LiveExamination:
    async def told() -> Passed | None:
        return passed

    live = SimpleNamespace(
        peer="worker",
        session=SimpleNamespace(id="s1"),
        sensor=SimpleNamespace(records=records, current=current),
        runtime=SimpleNamespace(controls=Controls()),
        entered=entered,
        view=View(Composer.EMPTY),
        screen="",
        terminal=SimpleNamespace(passed=told),
    )

    async def look(*, screen: bool) -> Reading:
        assert screen
        return Reading(SessionState.IDLE, "at its prompt")

    state = PeerState(Peer("worker", "5eed", Settings("/w", "demo"), 0.0), None, (message,))
    fleet = SimpleNamespace(find=lambda _name: state)
    parts: Any = (live, SimpleNamespace(look=look), fleet, clock or QuickClock(), OFFERED)
    return LiveExamination(*parts)


@pytest.mark.parametrize(
    ("records", "entered", "verdict"),
    [
        (True, None, Examination.ABSENT),
        (True, (OFFERED.id, 0), Examination.ABSENT),
        (True, (OFFERED.id, 1), Examination.UNCLEAR),
        (False, None, Examination.UNCLEAR),
    ],
    ids=["a record without it", "an earlier attempt was entered", "it was entered", "no record is kept"],
)
async def test_N4_only_a_record_that_could_hold_it_proves_that_it_was_not_pasted(
    records: bool, entered: tuple[str, int] | None, verdict: Examination
) -> None:
    found = await examination(entered, records=records).run(settle=1.5)
    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("passed", "seconds"),
    [
        (None, 1.5),
        (Passed(f"{'1' * 32}:1:"), 1.5),
        (Passed(f"{OFFERED.id}:1:"), READ),
        (Passed(f"{OFFERED.id}:0:"), 1.5),
    ],
    ids=["nothing is known", "another one was pasted", "it was pasted", "an earlier attempt was"],
)
async def test_N4_a_program_that_may_not_have_read_the_paste_yet_is_given_time(
    passed: Passed | None, seconds: float
) -> None:
    """A daemon was killed after the paste, on a busy machine: pasted again, both would be entered as one."""
    clock = QuickClock()
    found = await examination(None, records=True, passed=passed, clock=clock).run(settle=1.5)
    assert found.verdict is Examination.ABSENT
    assert seconds <= clock.at < seconds + 1


async def test_C2_a_record_that_may_not_be_the_one_that_is_written_proves_nothing() -> None:
    found = await examination(None, records=True, current=False).run(settle=1.5)
    assert found.verdict is Examination.UNCLEAR
    assert "which record" in found.why


@pytest.mark.parametrize(("records", "why"), [(True, "no record names it"), (False, "keeps no record")])
async def test_N3_it_is_said_whether_a_record_could_have_named_it(records: bool, why: str) -> None:
    found = await examination((OFFERED.id, 1), records=records).run(settle=1.5)
    assert found.why.startswith("it was handed over, and ")
    assert why in found.why


@pytest.mark.parametrize("state", [MessageState.UNKNOWN, MessageState.ACCEPTED])
async def test_N3_an_offer_that_is_over_is_not_said_to_be_found(state: MessageState) -> None:
    """Its session has died, and the look at the record could not tell: that is no record of it."""
    found = await examination(None, records=True, message=replace(OFFERED, state=state)).run(settle=1.5)
    assert found.verdict is Examination.UNCLEAR
