"""The record of Gemini CLI 0.61.0, line by line: what is news, what ends a turn, what is of another life."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.session import SessionState
from roost.faults import Fault
from roost.runtimes import gemini_chats
from roost.runtimes.context import Context
from roost.runtimes.facts import PROGRAM, Answered, ConversationSeen, Fact, Prompted, Rejected, TurnOver
from roost.runtimes.gemini import GeminiRuntime
from roost.runtimes.gemini_sensor import RECORD, GeminiSensor
from roost.runtimes.view import Composer, Reading
from tests.support.gemini_record import (
    AT,
    COMPACTED,
    CONVERSATION,
    OTHER,
    chat,
    context,
    idle,
    kept,
    line,
    said,
    screen,
)

OVER = TurnOver(RECORD)
MARK = "boundary 1234]"


def sensor_of(tmp_path: Path, started_at: float = 0.0) -> GeminiSensor:
    """A session whose record is there, at its prompt."""
    made = context(tmp_path)
    if not list((tmp_path / "home").rglob("*.jsonl")):
        chat(tmp_path)
    sensor = GeminiSensor(replace(made, session=replace(made.session, started_at=started_at)))
    sensor.find(0, None)
    sensor.on_screen(screen("ready"), "◇  Ready (work)")
    return sensor


def answered(tmp_path: Path) -> GeminiSensor:
    """One whose turn was seen, and whose answer stands in the record."""
    sensor = sensor_of(tmp_path)
    sensor.on_lines([said("words")])
    sensor.on_screen(screen("busy"), "✦  Working… (work)")
    sensor.on_lines([line("gemini", "done")])
    return sensor


@pytest.mark.parametrize(
    ("shown", "title"),
    [("permission", ""), ("question", ""), ("busy", "✦  Working… (work)"), ("settings", ""), ("model", "")],
)
def test_an_answer_is_the_last_only_where_the_prompt_is_seen_again(
    tmp_path: Path, shown: str, title: str
) -> None:
    """Many looks at a question, a turn or another view end nothing; looks from before do not count either."""
    sensor = answered(tmp_path)
    assert idle(sensor, 1) == []
    for _ in range(30):
        sensor.on_screen(screen(shown), title)
        assert sensor.on_lines([]) == []
    sensor.on_screen(screen("ready"), "◇  Ready (work)")
    if shown in ("permission", "question", "busy"):
        assert sensor.on_lines([]) == [], "not at the first look"
    assert idle(sensor) == [OVER]


def test_a_draft_at_the_prompt_ends_a_turn_as_well(tmp_path: Path) -> None:
    sensor = answered(tmp_path)
    sensor.on_screen(screen("draft"), "◇  Ready (work)")
    assert [fact for _ in range(3) for fact in sensor.on_lines([])] == [OVER]


@pytest.mark.parametrize("seen", ["before the prompt is recorded", "after", "never"])
def test_a_turn_that_nobody_saw_run_is_waited_for_longer(tmp_path: Path, seen: str) -> None:
    sensor = sensor_of(tmp_path)
    if seen == "before the prompt is recorded":
        sensor.on_screen(screen("busy"), "✦  Working… (work)")
    sensor.on_lines([said("words")])
    if seen == "after":
        sensor.on_screen(screen("busy"), "✦  Working… (work)")
    sensor.on_lines([line("gemini", "done")])
    assert idle(sensor, 2) == ([] if seen == "never" else [OVER])
    assert idle(sensor) == ([OVER] if seen == "never" else [])


def test_a_thought_without_words_ends_no_turn(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    sensor.on_lines([said("words"), line("gemini", " \n")])
    assert idle(sensor) == []


def test_what_is_older_than_the_session_is_another_lifes(tmp_path: Path) -> None:
    at = datetime.fromisoformat(AT).timestamp()
    lines = [said("words"), line("gemini", "done"), line("info", "Request cancelled.")]
    summary = [said("<session_context>"), said("<state_snapshot>x"), line("gemini", COMPACTED)]
    compacted = json.dumps(
        {"$set": {"messages": [json.loads(each) for each in summary], "lastUpdated": AT}}
    ).encode()
    assert sensor_of(tmp_path, at + 5).on_lines([*lines, compacted]) == []
    assert len(sensor_of(tmp_path, at + 0.5).on_lines([*lines, compacted])) == 4, "its clock may be behind"


def test_an_answer_without_a_prompt_is_none_of_ours(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    assert sensor.on_lines([line("gemini", "hello"), line("error", "[API Error: no]")]) == []
    assert idle(sensor) == []


def test_what_is_written_anew_within_a_turn_answers_nothing(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    sensor.on_lines([said("words")])
    again = [said("<session_context>"), said("words"), line("gemini", "an earlier answer")]
    assert sensor.on_lines([*again, kept("words")]) == []
    assert idle(sensor) == []
    assert sensor.on_lines([line("gemini", "the answer")]) == [Answered(RECORD)], (
        "from the `$set` on it is news"
    )


def test_an_error_of_a_tool_ends_no_turn(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    assert sensor.on_lines([said("words"), line("error", "Tool failed")])[1:] == []


def test_a_hook_that_stops_a_turn_ends_it_with_its_reason(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    assert sensor.on_lines([line("warning", "Agent execution blocked: ")]) == [
        Rejected(RECORD, "it gave no reason")
    ]
    stopped = line("info", "Agent execution stopped: enough\nof it")
    assert sensor.on_lines([said("words"), stopped])[1:] == [TurnOver(RECORD, "enough of it")]


def test_the_users_limit_of_turns_is_told_as_the_reason(tmp_path: Path) -> None:
    """It takes the place of a prompt, or comes within a turn, there several times at once."""
    why = "The session has reached the maximum number of turns: 4. Please update this limit."
    limit, refused = line("info", why), Rejected(RECORD, why, by=PROGRAM)
    sensor = sensor_of(tmp_path)
    assert sensor.on_lines([limit]) == [refused]
    assert sensor.on_lines([said("words"), limit, limit])[1:] == [TurnOver(RECORD, why), refused]
    assert idle(sensor) == []


BLOCKED = line("warning", "Agent execution blocked: run the\ntests")


@pytest.mark.parametrize("shown", ["run the\ntests", "words for people"])
def test_a_hook_that_sends_a_turn_on_ends_nothing(tmp_path: Path, shown: str) -> None:
    """What it is sent on with comes next, whatever the warning shows (a hook's `systemMessage`)."""
    sensor = answered(tmp_path)
    for _ in range(2):
        assert sensor.on_lines([line("warning", f"Agent execution blocked: {shown}")]) == []
        assert sensor.on_lines([line("info", "This request failed.")]) == []
        sensor.on_screen(screen("ready"), "✦  Working… (work)")
        assert [fact for _ in range(30) for fact in sensor.on_lines([])] == [], "its turn runs"
        assert sensor.on_lines([said("run the\ntests")]) == [Answered(RECORD)]
        assert idle(sensor) == [], "an answer follows"
        sensor.on_lines([line("gemini", "they pass")])
    assert idle(sensor) == [OVER]


def test_a_hook_that_blocks_a_turn_ends_it_when_nothing_follows(tmp_path: Path) -> None:
    blocked = TurnOver(RECORD, "run the tests")
    sensor = answered(tmp_path)
    assert sensor.on_lines([BLOCKED]) == []
    assert idle(sensor) == [blocked], "with an answer before that"
    sensor.on_lines([said("words"), BLOCKED])
    assert idle(sensor) == [blocked], "with none"
    sensor.on_lines([said("words"), BLOCKED])
    assert sensor.on_lines([said("other words")]) == [blocked, Prompted("other words", RECORD)]
    sensor.on_lines([line("gemini", "done")])
    assert idle(sensor) == [OVER], "what ended the turn before is no reason of the next"


def test_a_message_of_ours_is_never_taken_for_what_a_hook_has_said(tmp_path: Path) -> None:
    ours = f"[roost message {1:032x} from a topic - at x boundary {2:016x}]\nwords"
    sensor = answered(tmp_path)
    sensor.on_lines([BLOCKED])
    assert sensor.on_lines([said(ours)]) == [TurnOver(RECORD, "run the tests"), Prompted(ours, RECORD)]


def test_a_turn_that_a_hook_sends_on_without_its_context_goes_on_here_or_elsewhere(tmp_path: Path) -> None:
    """The record is named by the minute: the rest stands in this one or in another."""
    cleared = line("info", "Conversation context has been cleared.")
    sensor = answered(tmp_path)
    assert sensor.on_lines([BLOCKED, cleared]) == []
    assert idle(sensor) == [OVER]
    sensor = answered(tmp_path)
    sensor.on_lines([BLOCKED, cleared])
    assert sensor.on_lines([kept("context"), said("run the\ntests")]) == [Answered(RECORD)]
    assert idle(sensor) == []
    sensor.on_lines([said("words"), BLOCKED, cleared])
    assert idle(sensor) == [TurnOver(RECORD, "run the tests")], "nothing was answered"


def test_what_the_program_gives_its_model_by_itself_is_no_prompt(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    (prompt,) = sensor.on_lines([said("Please continue.")])
    assert prompt == Prompted("Please continue.", RECORD), "a person's, as no turn runs"
    sensor.on_lines([line("gemini", "half")])
    assert sensor.on_lines([said("Please continue.")]) == [Answered(RECORD)]
    assert sensor.on_lines([said("System: go on")]) == [Answered(RECORD)]
    assert idle(sensor) == [], "an answer follows"


@pytest.mark.parametrize("status", [401, 402, 403, 404, 408, 429, 500])
def test_a_service_that_refuses_for_now_is_an_outage(tmp_path: Path, status: int) -> None:
    error = f'[API Error: {{"error":{{"code": {status}}}}}]'
    over = sensor_of(tmp_path).on_lines([said("words"), line("error", error)])[-1]
    assert isinstance(over, TurnOver)
    assert over.fault is Fault.SERVICE


def test_a_model_that_is_asked_again_is_told(tmp_path: Path) -> None:
    sensor = sensor_of(tmp_path)
    asked = "Trying to reach gemini-3 (Attempt 2/10)"
    shown = screen("busy").replace("Executing Hooks: roost, roost", asked)
    sensor.on_screen(shown, "✦  Working… (work)")
    why = f"in a turn; its model fails and is asked again: {asked}"
    assert sensor.reading() == Reading(SessionState.WORKING, why)


def linked(tmp_path: Path) -> Context:
    """A session whose folder is a link to `w`, as the dialog names it."""
    (tmp_path / "w").mkdir()
    (tmp_path / "work").symlink_to(tmp_path / "w")
    return context(tmp_path)


def test_a_start_up_dialog_that_is_answered_blocks_nobody(tmp_path: Path) -> None:
    """By the folder's own name, or that of the folder that a link leads to."""
    made = linked(tmp_path)
    sensor = GeminiSensor(made)
    sensor.find(0, None)
    sensor.on_screen(screen("trust"), "")
    assert sensor.reading() is None
    assert sensor.boot_answer(screen("trust")) is None, "its process stays untrusted when answered so early"
    chat(tmp_path)
    sensor.find(0, None)
    assert sensor.boot_answer(screen("trust")) is not None
    assert sensor.reading() is None
    sensor.on_screen(screen("login"), "")
    reading = sensor.reading()
    assert reading is not None
    assert reading.state is SessionState.BLOCKED


def test_the_prompt_of_a_process_that_starts_anew_is_no_prompt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the trust dialog the old process may draw one; the next counts once it has written its record."""
    running = [1, 2]
    monkeypatch.setattr("roost.runtimes.gemini_sensor.processes_of", lambda _conversation: running)
    sensor, record = GeminiSensor(linked(tmp_path)), chat(tmp_path)
    sensor.find(0, None)

    def looks() -> Composer:
        view = sensor.on_screen(screen("ready"), "")
        sensor.find(0, None)
        return view.composer

    sensor.on_screen(screen("trust"), "")
    sensor.find(0, None)
    assert [looks(), looks()] == [Composer.HIDDEN] * 2
    running[1] = 3
    assert [looks(), looks()] == [Composer.HIDDEN] * 2
    os.utime(record, (record.stat().st_atime, record.stat().st_mtime + 1.0))
    assert [looks(), looks()] == [Composer.HIDDEN, Composer.EMPTY]


def held_by(tmp_path: Path, *others: bytes, started_at: float = 0.0) -> GeminiSensor:
    """A session beside whose record is another one with these lines."""
    sensor = sensor_of(tmp_path, started_at)
    chat(tmp_path, OTHER, *others)
    return sensor


def looks(sensor: GeminiSensor, count: int) -> list[Fact]:
    return [fact for _ in range(count) for fact in sensor.find(0, MARK)]


def test_other_records_are_searched_at_every_tenth_look(tmp_path: Path) -> None:
    sensor = held_by(tmp_path, said(MARK))
    assert looks(sensor, 8) == []
    assert looks(sensor, 1) == [ConversationSeen(OTHER)]


def begun(path: Path, at: str) -> None:
    """Write into a record's first line when it was begun."""
    head, _, rest = path.read_bytes().partition(b"\n")
    path.write_bytes(json.dumps({**json.loads(head), "startTime": at}).encode() + b"\n" + rest)


@pytest.mark.parametrize(
    ("at", "started_at", "anew"),
    [
        ("2026-11-20T11:21:45.010Z", 0.0, True),
        ("2026-11-20T11:21:45.030Z", 0.0, False),
        ("2026-11-20T11:21:45.010Z", datetime.fromisoformat(AT).timestamp(), False),
    ],
    ids=["cleared", "holds what is older", "older than the session"],
)
def test_P3_a_record_that_was_begun_in_the_session_holds_nothing_of_the_one_before(
    tmp_path: Path,
    at: str,
    started_at: float,
    anew: bool,
) -> None:
    sensor = held_by(tmp_path, said(MARK), started_at=started_at)
    begun(chat(tmp_path, OTHER, kept("<session_context>"), said(MARK)), at)
    when = datetime.fromisoformat(at).timestamp()
    assert looks(sensor, 10) == [ConversationSeen(OTHER, when if anew else None)]


def test_a_mark_that_stands_in_its_own_record_leads_nowhere(tmp_path: Path) -> None:
    sensor = held_by(tmp_path, said(MARK))
    chat(tmp_path, CONVERSATION, said(MARK))
    assert looks(sensor, 30) == []


def test_records_from_before_the_session_are_not_searched(tmp_path: Path) -> None:
    now = chat(tmp_path).stat().st_mtime
    sensor = held_by(tmp_path, said(MARK), started_at=now + 60)
    assert looks(sensor, 30) == []


def test_a_record_that_went_to_another_folder_is_found_there(tmp_path: Path) -> None:
    """As that of a project under another name does, whose register was lost."""
    sensor = sensor_of(tmp_path)
    (path,) = sensor.tails()
    moved = path.parents[2] / "work-1/chats" / path.name
    moved.parent.mkdir(parents=True)
    path.rename(moved)
    sensor.find(0, None)
    assert sensor.tails() == (moved,)
    moved.unlink()
    sensor.find(0, None)
    assert not sensor.current


def test_a_record_is_known_by_all_of_its_id(tmp_path: Path) -> None:
    """Its name holds the first eight digits."""
    near = f"{CONVERSATION[:8]}-0000-4000-8000-000000000000"
    made = context(tmp_path)
    chat(tmp_path, near)
    assert gemini_chats.find_chat(made.environ, CONVERSATION) is None
    assert gemini_chats.find_chat(made.environ, near) is not None


def test_only_conversations_are_records(tmp_path: Path) -> None:
    """A helper's lies in a folder below; other files are none."""
    path = chat(tmp_path, CONVERSATION, said("words"))
    (path.parent / "notes.jsonl").write_text("{}\n")
    (path.parent / "session-helper").mkdir()
    (path.parent / "session-helper/session-1.jsonl").write_text("{}\n")
    made = context(tmp_path)
    assert gemini_chats.written_since(made.environ, 0.0) == [path]
    assert gemini_chats.chats_beside(path, 0.0) == [path]
    assert gemini_chats.conversation_in(path.with_name("session-gone.jsonl")) is None


def test_a_rewind_takes_what_came_after_and_to_what_is_not_there_all_of_it(tmp_path: Path) -> None:
    first, second, third = (said(text) for text in ("one", "two", "three"))

    def back(to: str) -> bytes:
        return json.dumps({"$rewindTo": to}).encode()

    one, two = (str([{"text": text}]) for text in ("one", "two"))
    assert gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, first, second, third, back(two)))
    assert not gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, first, second, third, back(one)))
    assert not gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, first, back("unknown")))


def test_only_a_users_line_shows_that_its_model_was_given_something(tmp_path: Path) -> None:
    runtime = GeminiRuntime()
    user = said("words").replace(b": ", b":")
    assert runtime.given(user)
    assert not runtime.given(line("warning", "words").replace(b": ", b":"))
    assert runtime.transcript(context(tmp_path)) is None
