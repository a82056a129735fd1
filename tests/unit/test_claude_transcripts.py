"""Where Claude Code's transcripts are, and which one is a session's."""

from pathlib import Path

from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.claude_sensor import TRANSCRIPT, ClaudeSensor
from roost.runtimes.facts import ConversationSeen, Prompted
from tests.unit.test_runtime_claude import CONVERSATION, context, line, status


def test_the_transcript_is_found_by_rule_or_by_its_name(tmp_path: Path) -> None:
    made = context(tmp_path)
    runtime = ClaudeRuntime()
    assert runtime.transcript(made) is None
    rule = (
        tmp_path
        / ".claude/projects"
        / str(tmp_path / "my.dir").replace("/", "-").replace(".", "-").replace("_", "-")
    )
    path = rule / f"{CONVERSATION}.jsonl"
    assert ClaudeSensor(made).tails() == (path,)
    other = tmp_path / ".claude/projects/elsewhere" / path.name
    other.parent.mkdir(parents=True)
    other.write_bytes(line(type="mode") + b"\n")
    assert runtime.transcript(made) is None, "without a prompt it cannot be resumed"
    other.write_bytes(line(type="user", message={"content": "x"}) + b"\n")
    assert runtime.transcript(made) == other
    sensor = ClaudeSensor(made)
    assert sensor.find(77, None) == []
    assert sensor.tails() == (other,)


def test_C2_a_transcript_that_moved_to_another_folder_is_found_there(tmp_path: Path) -> None:
    made = context(tmp_path)
    sensor = ClaudeSensor(made)
    (rule,) = sensor.tails()
    rule.parent.mkdir(parents=True)
    rule.write_bytes(line(type="user", message={"content": "x"}) + b"\n")
    sensor.find(77, None)
    moved = rule.parent.with_name("-elsewhere") / rule.name
    moved.parent.mkdir()
    rule.rename(moved)
    sensor.find(77, None)
    assert sensor.tails() == (moved,)


def test_C8_only_a_process_that_names_the_conversation_makes_its_transcript_the_current_one(
    tmp_path: Path,
) -> None:
    sensor = ClaudeSensor(context(tmp_path))
    sensor.find(77, None)
    assert not sensor.current, "nothing tells what its process writes"
    sensor.on_status(status())
    assert sensor.current
    sensor.on_status(None)
    assert not sensor.current


def test_C8_what_a_branch_has_copied_is_not_told_again(tmp_path: Path) -> None:
    """2.1.332: the copied lines have their old times and the new conversation's id."""
    sensor = ClaudeSensor(context(tmp_path))
    other = CONVERSATION[:-1] + "9"
    said = {"type": "user", "message": {"content": "old"}, "timestamp": "2026-11-20T11:21:45.020Z"}
    assert sensor.on_lines([line(**said, sessionId=CONVERSATION)]) == [Prompted("old", TRANSCRIPT)]
    sensor.find(77, None)
    changed = status(sessionId=other)
    assert sensor.on_status(changed) == [ConversationSeen(other)]
    assert not sensor.current, "its transcript has not been looked into yet"
    sensor.find(77, None)
    assert sensor.current
    new = {**said, "message": {"content": "new"}, "timestamp": "2026-11-20T11:21:46.020Z"}
    copied = [line(**said, sessionId=other), line(**new, sessionId=other)]
    assert sensor.on_lines(copied) == [Prompted("new", TRANSCRIPT)]
