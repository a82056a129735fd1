"""P3: a resume of Gemini CLI that is cut off, and others that start beside it, cost no conversation."""

import os
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.runtimes import gemini_chats
from roost.runtimes.context import Context
from roost.runtimes.gemini import GeminiRuntime
from roost.runtimes.gemini_sensor import GeminiSensor
from tests.support.gemini_record import CONVERSATION, chat, context, kept, said, screen

OWN = f"session-{CONVERSATION}-{CONVERSATION[:8]}.jsonl"
KEPT = f"kept-{CONVERSATION}.jsonl"
SECOND = f"session-2026-11-21T00-00-{CONVERSATION[:8]}.jsonl"
LATER = 60.0


@pytest.fixture
def resumed(tmp_path: Path) -> Context:
    """A session that resumes what holds one prompt."""
    chat(tmp_path, CONVERSATION, said("words"))
    made = context(tmp_path)
    return replace(made, session=replace(made.session, resumed=True, started_at=time.time() + LATER))


def folder(resumed: Context) -> Path:
    return next((gemini_chats.gemini_folder(resumed.environ) / "tmp").glob("*/chats"))


def names(resumed: Context) -> set[str]:
    return {path.name for path in folder(resumed).iterdir()}


def begins(resumed: Context) -> Path:
    """Its program makes a second record, which holds no prompt."""
    second = folder(resumed) / SECOND
    second.write_bytes((folder(resumed) / OWN).read_bytes().splitlines(keepends=True)[0] + kept())
    at = resumed.session.started_at + 1.0
    os.utime(second, (at, at))
    return second


def loads(resumed: Context, sensor: GeminiSensor) -> None:
    at = resumed.session.started_at + 2.0
    os.utime(folder(resumed) / OWN, (at, at))
    for _ in range(8):
        sensor.find(0, None)


def test_a_record_is_resumed_by_a_name_that_no_start_makes_and_kept_until_it_is_loaded(
    resumed: Context,
) -> None:
    GeminiRuntime().plan(resumed)
    assert names(resumed) == {OWN, KEPT}
    sensor = GeminiSensor(resumed)
    sensor.find(0, None)
    begins(resumed)
    sensor.find(0, None)
    assert names(resumed) == {OWN, KEPT, SECOND}
    loads(resumed, sensor)
    assert names(resumed) == {OWN}
    assert sensor.on_screen(screen("ready"), "").composer.name == "EMPTY"


def test_the_prompt_counts_once_the_record_that_is_resumed_is_written(resumed: Context) -> None:
    """What is pasted while it is being loaded is lost."""
    GeminiRuntime().plan(resumed)
    sensor = GeminiSensor(resumed)

    def looks(count: int) -> set[str]:
        seen: set[str] = set()
        for _ in range(count):
            sensor.find(0, None)
            seen.add(sensor.on_screen(screen("ready"), "").composer.name)
        return seen

    assert looks(8) == {"HIDDEN"}
    begins(resumed)
    assert looks(8) == {"HIDDEN"}
    loads(resumed, sensor)
    assert looks(1) == {"EMPTY"}


def test_a_record_that_is_removed_while_it_is_loaded_is_there_again(resumed: Context) -> None:
    GeminiRuntime().plan(resumed)
    sensor = GeminiSensor(resumed)
    sensor.find(0, None)
    begins(resumed).unlink()
    (folder(resumed) / OWN).unlink()
    sensor.find(0, None)
    assert b"words" in (folder(resumed) / OWN).read_bytes()
    loads(resumed, sensor)
    assert names(resumed) == {OWN}
    (folder(resumed) / OWN).unlink()
    sensor.find(0, None)
    assert names(resumed) == set(), "what a person removes later stays removed"


@pytest.mark.parametrize("removed", [False, True], ids=["empty record left", "all records removed"])
def test_a_resume_that_was_cut_off_is_resumed_again(resumed: Context, *, removed: bool) -> None:
    runtime = GeminiRuntime()
    runtime.plan(resumed)
    second = begins(resumed)
    if removed:
        second.unlink()
        (folder(resumed) / OWN).unlink()
    record = runtime.transcript(resumed)
    assert record is not None
    assert b"words" in record.read_bytes()
    runtime.plan(resumed)
    assert names(resumed) == {OWN, KEPT}
    assert b"words" in (folder(resumed) / OWN).read_bytes()


def test_the_second_record_shows_that_the_trust_dialog_can_be_answered(resumed: Context) -> None:
    GeminiRuntime().plan(resumed)
    sensor, dialog = GeminiSensor(resumed), f"● 1. Trust folder ({resumed.directory.name})"
    dialog = f"Do you trust the files in this folder?\n{dialog}"
    sensor.find(0, None)
    assert sensor.boot_answer(dialog) is None
    begins(resumed)
    sensor.find(0, None)
    assert sensor.boot_answer(dialog) is not None


def test_another_conversation_and_a_record_with_prompts_are_left(resumed: Context) -> None:
    other = folder(resumed) / f"session-2026-11-22T00-00-{CONVERSATION[:8]}.jsonl"
    other.write_bytes(b'{"sessionId":"another"}\n')
    GeminiRuntime().plan(resumed)
    begins(resumed).write_bytes((folder(resumed) / OWN).read_bytes())
    sensor = GeminiSensor(resumed)
    loads(resumed, sensor)
    assert names(resumed) == {OWN, SECOND, other.name}
