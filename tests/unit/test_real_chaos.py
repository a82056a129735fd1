"""The judges of the chaos with real programs see what they are there to see, and only that."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.session import Cause, Death
from roost.fake_model import Arrival, Journal
from roost.store.interfaces import Attempt, StoredMessage
from tests.support.real_chaos import kind
from tests.support.real_chaos_acts import Away, Work
from tests.support.real_chaos_oracle import RealOracle, beginnings, shown
from tests.support.real_chaos_person import EDITED, Memory
from tests.support.real_chaos_screen import Scene, read
from tests.support.real_chaos_watch import Sight, suspicions

SCREENS = Path(__file__).resolve().parent.parent / "data/screens"
ID = "0123456789abcdef" * 2
PROMPT = Scene(160, 50, in_mode=False, people=0, text="", prompt=True, draft="", busy=False, asks=False)
VIEW = replace(PROMPT, prompt=False)


def text(boundary: str = "a" * 16, body: str = "hello", after: str = "") -> str:
    header = f"[roost message {ID} from operator topic - at 2026-11-27T10:00:00Z boundary {boundary}]"
    return f"{header}\n{body}\n[end of roost message {ID}: answer with send_message reply_to={ID}]{after}"


def arrival(number: int, *texts: str, **more: Any) -> Arrival:  # noqa: ANN401 -- fields
    return Arrival(
        float(number),
        number,
        "POST",
        "/",
        "turn",
        {"x-peer": "claude-warm"},
        "c",
        [],
        list(texts),
        [],
        "",
        **more,
    )


def sight(state: str, why: str, scene: Scene | None = PROMPT, *mail: tuple[str, str], **more: Any) -> Sight:  # noqa: ANN401 -- fields
    row = {"state": state, "why": why, "session": {"id": "s"} if state != "asleep" else None}
    waiting = [
        {"id": ID, "state": each, "why": reason, "when": "next", "notice": None} for each, reason in mail
    ]
    given: dict[str, Any] = {"standing": [], "touched": 999.0, "flights": 0, "working": False, **more}
    return Sight("claude-warm", row, waiting, scene, **given)


def kinds(found: Sight) -> set[str]:
    return {key[0] for key, _, _ in suspicions(found)}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (sight("idle", "at its prompt", PROMPT, ("queued", "waits for its turn")), {"idle-with-mail"}),
        (sight("idle", "at its prompt", VIEW), {"idle-without-prompt"}),
        (sight("asleep", "parked", None, ("queued", "")), {"asleep-with-mail"}),
        (sight("working", "in a turn"), {"working-at-rest"}),
        (sight("blocked", "held", PROMPT, ("queued", "a draft stands in its input line")), {"false-draft"}),
        (sight("blocked", "held", VIEW, ("queued", "a draft stands in its input line")), {"false-draft"}),
        (sight("blocked", "a dialog is open: x", PROMPT, ("queued", "x")), {"false-dialog"}),
        (sight("blocked", "another view is open", PROMPT, ("queued", "x")), {"false-view"}),
        (sight("unknown", "its terminal is 5 columns wide", PROMPT, ("queued", "x")), {"false-size"}),
        (sight("unknown", "copy mode is on", PROMPT, ("queued", "x")), {"false-mode"}),
        (sight("unknown", "x", PROMPT, ("offered", "a person is typing in its terminal")), {"false-person"}),
        (
            sight("unknown", "x", PROMPT, ("offered", "entered; the running turn has not taken it")),
            {"false-turn"},
        ),
        (sight("unknown", "", PROMPT, ("offered", "being handed over")), {"wordless"}),
        (sight("idle", "kept for what goes on in the background"), {"false-background"}),
    ],
)
def test_what_is_said_and_is_not_so_is_seen(found: Sight, expected: set[str]) -> None:
    assert kinds(found) == expected


@pytest.mark.parametrize(
    "found",
    [
        sight("idle", "at its prompt"),
        sight("unknown", "its record cannot be read", PROMPT, ("offered", "being handed over")),
        sight("asleep", "parked", None),
        sight("asleep", "crashed; woken again at 10:00", None, ("queued", "")),
        sight("idle", "at its prompt", PROMPT, ("queued", "its model fails; asked again at 10:00")),
        sight("working", "in a turn", replace(PROMPT, busy=True), ("queued", "")),
        sight("working", "in a turn", flights=1),
        sight("blocked", "x", replace(PROMPT, draft="words"), ("queued", "a draft stands in its input line")),
        sight("blocked", "x", VIEW, ("queued", "a draft stands in its input line"), standing=["a draft"]),
        sight("blocked", "a dialog is open: x", replace(VIEW, asks=True), ("queued", "x")),
        sight("unknown", "its terminal is 5 columns wide", replace(VIEW, width=5), ("queued", "x")),
        sight("unknown", "x", PROMPT, ("offered", "a person is typing in its terminal"), touched=1.0),
        sight("unknown", "copy mode is on", replace(PROMPT, in_mode=True), ("queued", "x")),
        sight("idle", "kept for what goes on in the background", PROMPT, ("queued", ""), working=True),
    ],
)
def test_what_is_so_may_be_said(found: Sight) -> None:
    assert kinds(found) == set()


def test_a_body_that_begins_two_turns_is_seen() -> None:
    """A tool's result, an error, a person's edit and a note about the message begin no turn with its body."""
    note = text(
        body=f"Your turn on message {ID} was cut off. The message is above in this conversation; go on"
    )
    once = [
        arrival(1, text(), failed=True),
        arrival(2, text()),
        arrival(3, text(), results_since=1),
        arrival(4, text(), note),
        arrival(5, text(after=EDITED)),
        arrival(6, text(), "something else"),
        arrival(7, text(), waiting=0),
    ]
    assert [each.number for each in beginnings(once)] == [2]
    assert [each.boundary for each in beginnings([*once, arrival(8, text("b" * 16))])] == ["a" * 16, "b" * 16]
    assert shown(once) == {ID: 1.0}


@pytest.mark.parametrize("program", ["claude", "codex"])
def test_recorded_screens_are_read_as_what_they_are(program: str) -> None:
    named = {path.stem: read(program, path.read_text()) for path in (SCREENS / program).glob("*.txt")}
    for name, scene in named.items():
        if name.startswith(("ready", "turn-done", "permission-refused")):
            assert (scene.prompt, scene.draft, scene.busy) == (True, "", False), name
        if name.startswith("draft"):
            assert scene.draft, name
        if name in (
            "permission",
            "mcp-permission",
            "trust",
            "folder-access",
            "hooks-review",
            "resume-directory",
        ):
            assert (scene.prompt, scene.asks) == (False, True), name
        if name in ("busy", "steered", "queued"):
            assert scene.busy, name


class Judged:
    """A judge over a store, a model and people that are made up."""

    def __init__(self, folder: Path) -> None:
        self.memory, self.journal, self.folder = Memory(), Journal(), folder
        fleet = SimpleNamespace(model=SimpleNamespace(journal=self.journal), folder=lambda _peer: folder)
        self.acts = SimpleNamespace(
            roost=None,
            sent=[],
            removed={},
            fleet=fleet,
            memory=self.memory,
            works=[],
            aways=[],
            interrupts=[],
            refusals=[],
        )
        self.last_work: dict[str, float] = {}
        self.oracle = RealOracle(cast("Any", self.acts), self.last_work)

    @property
    def kinds(self) -> list[str]:
        return [kind(each) for each in self.oracle.wrong]


@pytest.fixture
def judged(tmp_path: Path) -> Judged:
    return Judged(tmp_path)


def stored(state: MessageState, *, done_at: float | None = None, whys: tuple[str, ...] = ()) -> StoredMessage:
    message = Message(
        ID, "operator", "claude-warm", 0.0, 5, "", state=state, accepted_at=1.0, done_at=done_at
    )
    return StoredMessage(message, tuple(Attempt(n, 1.0, "s", "", why) for n, why in enumerate(whys)), ())


def died(cause: Cause, at: float, *, counted: bool = False) -> Death:
    return Death("s", "claude-warm", 1, at, cause, counted=counted)


def test_a_body_that_was_answered_twice_is_a_double_and_one_that_a_death_cut_is_not(judged: Judged) -> None:
    first, again = arrival(1, text()), msgspec.structs.replace(arrival(9, text("b" * 16)), session="d")
    told = stored(MessageState.DONE, whys=("was cut off; it is offered again in a fresh conversation",))
    judged.oracle._doubled({ID: told}, [first, again])
    assert judged.kinds == []
    judged.oracle._doubled({ID: stored(MessageState.DONE)}, [first, again])
    assert judged.kinds == ["doubled"]
    answered = msgspec.structs.replace(arrival(2, text(), results_since=1), answer="Answer(act=Say(")
    judged.journal.end(2, whole=True)
    judged.oracle._doubled({ID: told}, [first, answered, again])
    assert judged.kinds == ["doubled"] * 2


def test_a_program_that_asks_again_by_itself_is_no_double(judged: Judged) -> None:
    turns = [arrival(1, text()), arrival(2, text())]
    judged.journal.end(1, whole=False)
    judged.oracle._doubled({ID: stored(MessageState.DONE)}, turns)
    assert judged.kinds == []
    judged.journal.end(1, whole=True)
    judged.oracle._doubled({ID: stored(MessageState.DONE)}, turns)
    assert judged.kinds == [], "it goes on in the conversation that holds it once"
    turns[1] = arrival(2, text(), text())
    judged.oracle._doubled({ID: stored(MessageState.DONE)}, turns)
    assert judged.kinds == ["doubled"]


def test_done_needs_a_model_that_was_asked_before(judged: Judged) -> None:
    judged.oracle._proven({ID: stored(MessageState.DONE, done_at=5.0)}, {ID: 4.0})
    assert judged.kinds == []
    judged.oracle._proven({ID: stored(MessageState.DONE, done_at=5.0)}, {})
    judged.oracle._proven({ID: stored(MessageState.ACCEPTED)}, {})
    judged.oracle._proven({ID: stored(MessageState.DONE, done_at=5.0)}, {ID: 50.0})
    assert judged.kinds == ["done-unasked", "done-unasked", "done-early"]


def test_a_session_that_ends_in_a_turn_or_under_hands_is_seen(judged: Judged) -> None:
    judged.journal.add(arrival(1, text()))
    judged.journal.end(1, whole=False)
    now = judged.journal.ended(1)
    assert now is not None
    judged.oracle._innocent(died(Cause.OPERATOR_STOP, now[0]), judged.journal)
    judged.oracle._innocent(died(Cause.IDLE_SLEEP, now[0] - 60), judged.journal)
    assert judged.kinds == []
    judged.oracle._innocent(died(Cause.EPHEMERAL_SILENT, now[0]), judged.journal)
    assert judged.kinds == ["ended-in-turn"]
    judged.memory.begin("claude-warm", "s", "a draft")
    judged.oracle._innocent(died(Cause.IDLE_SLEEP, now[0] + 60), judged.journal)
    assert judged.kinds == ["ended-in-turn", "ended-under-hands"]


def test_work_that_a_policy_ends_and_a_start_that_is_charged_are_seen(judged: Judged) -> None:
    begun = judged.folder / "w0.begun"
    begun.write_text("1")
    at = begun.stat().st_mtime
    judged.acts.works.append(Work("claude-warm", "w0", 20))
    judged.last_work["w0"] = at + 5
    judged.oracle._work([died(Cause.CRASHED, at + 5)])
    judged.oracle._work([died(Cause.IDLE_SLEEP, at + 30)])
    assert judged.kinds == []
    judged.oracle._work([died(Cause.EPHEMERAL_DONE, at + 5)])
    assert judged.kinds == ["ended-at-work"]
    judged.acts.aways.append(Away("claude", "away", 100.0, 110.0))
    judged.oracle._innocent(died(Cause.BOOT_FAILED, 50.0, counted=True), judged.journal)
    judged.oracle._innocent(died(Cause.BOOT_FAILED, 105.0), judged.journal)
    judged.oracle._innocent(died(Cause.BOOT_FAILED, 105.0, counted=True), judged.journal)
    assert judged.kinds == ["ended-at-work", "charged"]


@pytest.mark.parametrize(
    ("why", "refused", "asked", "expected"),
    [
        ("the turn was interrupted at its terminal", False, True, "nobody interrupted"),
        ("a hook refused the prompt: the house rules", False, False, "no hook refused"),
        ("a hook refused the prompt: the house rules", True, False, ""),
        ("it could not be delivered", True, False, "a hook refused"),
        ("it could not be delivered", False, False, ""),
    ],
)
def test_an_end_for_a_reason_that_was_not_so_is_seen(
    judged: Judged, why: str, refused: bool, asked: bool, expected: str
) -> None:
    judged.acts.refusals.append((0.0, 10.0))
    told = stored(MessageState.DEAD_LETTER)
    told = msgspec.structs.replace(told, message=msgspec.structs.replace(told.message, why=why))
    assert judged.oracle._false_end(told, refused=refused, asked=asked) == expected
