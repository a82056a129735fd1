"""What records say of an offer after its session: absent only if all were searched and none holds it (C2)."""

import json
import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.core.messages import envelope
from roost.core.vocabulary.message import Examination, Message
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import stand_in
from roost.daemon.session import evidence
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.claude_sensor import ClaudeSensor
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.context import Context
from roost.runtimes.facts import Fact

KNOWN, OTHER = (f"11111111-2222-4333-8444-55555555555{digit}" for digit in "12")
MESSAGE = Message("0" * 32, "asker", "a", 1000.0, 1, "d", attempts=1)
NOW = 5000.0
CLAUDE, CODEX = ClaudeRuntime(), CodexRuntime()


def context(home: Path, runtime: str) -> Context:
    session = stand_in("s", "a", 1, KNOWN)
    return Context(
        session, Settings(dir="/w", runtime=runtime), home, home, {"HOME": str(home)}, "", home / "call"
    )


def text(body: str = "do it") -> str:
    return envelope.wrap(MESSAGE, body, envelope.boundary("5eed", MESSAGE.id, 1))


def transcript(home: Path, conversation: str, *records: dict[str, object], at: float = 2000.0) -> Path:
    path = home / ".claude/projects/-w" / f"{conversation}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(each, separators=(",", ":")) + "\n" for each in records))
    os.utime(path, (at, at))
    return path


def user(content: str) -> dict[str, object]:
    return {"type": "user", "message": {"content": content}}


OVER: dict[str, object] = {"type": "system", "subtype": "turn_duration"}


def examine(home: Path) -> evidence.Finding:
    return evidence.examine_record(CLAUDE, context(home, "claude"), "5eed", MESSAGE, 1, NOW)


@pytest.mark.parametrize("conversation", [KNOWN, OTHER])
def test_C2_the_record_that_holds_the_mark_tells_whichever_conversation_it_is_of(
    tmp_path: Path, conversation: str
) -> None:
    transcript(tmp_path, KNOWN, user("another"))
    assert examine(tmp_path).verdict is Examination.ABSENT
    transcript(tmp_path, conversation, user(text()))
    found = examine(tmp_path)
    assert (found.verdict, found.conversation) == (Examination.FOUND, conversation)
    transcript(tmp_path, conversation, user(text()), OVER)
    found = examine(tmp_path)
    assert (found.verdict, found.conversation) == (Examination.ENDED, conversation)


def test_C2_a_quote_in_another_agents_prompt_shows_that_it_was_taken_and_not_where(tmp_path: Path) -> None:
    other = envelope.wrap(Message("1" * 32, "a", "b", 1000.0, 1, "d"), f"I was told: {text()}", "f" * 16)
    transcript(tmp_path, OTHER, user(other), OVER)
    found = examine(tmp_path)
    assert (found.verdict, found.conversation) == (Examination.FOUND, None)


def test_what_waited_in_a_queue_that_ended_with_its_program_was_not_taken(tmp_path: Path) -> None:
    queued: dict[str, object] = {"type": "queue-operation", "operation": "enqueue", "content": text()}
    transcript(tmp_path, KNOWN, user("another"), queued)
    assert examine(tmp_path).verdict is Examination.ABSENT


def test_C2_what_cannot_be_searched_is_not_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = transcript(tmp_path, OTHER, user("another"))
    with monkeypatch.context() as patch:
        patch.setattr(evidence, "BOUND", path.stat().st_size - 1)
        assert examine(tmp_path).verdict is Examination.UNCLEAR
    path.unlink()
    path.mkdir()
    os.utime(path, (2000.0, 2000.0))
    found = examine(tmp_path)
    assert found.verdict is Examination.UNCLEAR
    assert path.name in found.why


def test_C2_a_record_with_a_call_that_is_nested_too_deep_is_searched_all_the_same(tmp_path: Path) -> None:
    deep = "[" * 1500 + "]" * 1500
    path = transcript(tmp_path, KNOWN, user(text()))
    with path.open("a") as file:
        file.write(f'{{"type":"assistant","message":{{"content":[{{"type":"tool_use","input":{deep}}}]}}}}\n')
        file.write(json.dumps(OVER, separators=(",", ":")) + "\n")
    assert examine(tmp_path).verdict is Examination.ENDED


def test_C2_what_its_sensor_does_not_understand_is_not_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> list[Fact]:
        raise KeyError("id")

    path = transcript(tmp_path, KNOWN, user(text()))
    monkeypatch.setattr(ClaudeSensor, "on_lines", broken)
    found = examine(tmp_path)
    assert found.verdict is Examination.UNCLEAR
    assert path.name in found.why
    assert "is not understood: KeyError('id')" in caplog.text


def test_C16_a_packed_record_that_is_new_enough_leaves_it_unclear(tmp_path: Path) -> None:
    folder = tmp_path / ".codex/sessions/2026/11/27"
    folder.mkdir(parents=True)
    packed = folder / f"rollout-2026-11-27T10-24-52-{KNOWN}.jsonl.zst"
    packed.write_bytes(b"packed")
    made = context(tmp_path, "codex")
    for at, verdict in ((2000.0, Examination.UNCLEAR), (-5000.0, Examination.ABSENT)):
        os.utime(packed, (at, at))
        assert evidence.examine_record(CODEX, made, "5eed", MESSAGE, 1, NOW).verdict is verdict


def test_a_clock_that_was_set_back_makes_no_record_too_old(tmp_path: Path) -> None:
    made, later = context(tmp_path, "claude"), replace(MESSAGE, created_at=9000.0)
    transcript(tmp_path, OTHER, user(text()))
    assert evidence.examine_record(CLAUDE, made, "5eed", later, 1, 9001.0).verdict is Examination.ABSENT
    assert evidence.examine_record(CLAUDE, made, "5eed", later, 1, 8999.0).verdict is Examination.FOUND


def test_only_the_conversation_itself_can_hold_the_body_that_a_note_speaks_of(tmp_path: Path) -> None:
    again = Message("0" * 32, "asker", "a", 1000.0, 1, "d", attempts=2)
    made = context(tmp_path, "claude")
    transcript(tmp_path, KNOWN, user("another"))
    transcript(tmp_path, OTHER, user(text()))
    assert not evidence.holds(CLAUDE, made, "5eed", again, NOW)
    transcript(tmp_path, KNOWN, user(text()))
    assert evidence.holds(CLAUDE, made, "5eed", again, NOW)


def test_N4_what_settings_have_left_unrecorded_is_not_absent(tmp_path: Path) -> None:
    """Claude Code 2.1.332 writes no transcript then; of these files the later one counts."""
    files = [tmp_path / ".claude/settings.json", tmp_path / "w/.claude/settings.json"]
    files += [tmp_path / "w/.claude/settings.local.json", tmp_path / "claude-settings.json"]
    known = context(tmp_path, "claude")
    known = replace(known, settings=replace(known.settings, dir=str(tmp_path / "w")))
    transcript(tmp_path, KNOWN, user("another"))

    def verdict() -> Examination:
        return evidence.examine_record(CLAUDE, known, "5eed", MESSAGE, 1, NOW).verdict

    for file, value in zip(files, ("1", "0", "true", "0"), strict=True):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"env": {"CLAUDE_CODE_SKIP_PROMPT_HISTORY": value}}))
        assert verdict() is (Examination.ABSENT if value == "0" else Examination.UNCLEAR), file
    for text_of_it in ("", "{", "[]", '{"env": 1}', "{}"):
        files[-1].write_text(text_of_it)
        assert verdict() is Examination.UNCLEAR, "the one before it counts"
