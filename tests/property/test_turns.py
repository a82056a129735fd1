"""Whatever stands in a record, its reader goes on; and pieces of any size make the same turns."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from roost.runtimes.turns import record as records
from roost.runtimes.turns.acp import AcpReader
from roost.runtimes.turns.claude import ClaudeReader
from roost.runtimes.turns.codex import CodexReader
from roost.runtimes.turns.demo import DemoReader
from roost.runtimes.turns.gemini import GeminiReader
from roost.runtimes.turns.opencode import OpencodeReader
from roost.runtimes.turns.record import Entry, FileRecord
from roost.runtimes.turns.thread import ThreadReader
from roost.runtimes.turns.transcript import Reader, Transcript, turns

DATA = Path(__file__).resolve().parents[1] / "data/records"
READERS = (ClaudeReader, CodexReader, GeminiReader, OpencodeReader, AcpReader, DemoReader, ThreadReader)
WORDS = (
    *("type", "user", "assistant", "message", "content", "text", "tool_use", "tool_result", "id", "name"),
    *("payload", "item", "item_completed", "response_item", "event_msg", "function_call", "arguments"),
    *("gemini", "toolCalls", "$set", "messages", "info", "parts", "role", "tool", "state", "prompt", "said"),
    *("time", "created", "items", "startedAtMs", "userMessage"),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)


class Given:
    where, skipped = "given", 0

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def read(self) -> list[Entry] | None:
        found, self.entries = self.entries, []
        return found or None

    def news(self) -> None:
        return None

    def close(self) -> None:
        return None


@given(entries=st.lists(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5), max_size=6))
@example(entries=[{"info": {"role": "user", "time": {"created": 1e300}}, "parts": []}])
@example(entries=[{"items": [{"type": "userMessage", "startedAtMs": 1e300}]}])
def test_whatever_stands_there_numbers_have_no_gap(entries: list[Entry]) -> None:
    for reader in READERS:
        said = Transcript(Given(entries), reader(), whole=False)
        found = [turn for part in turns(said, None, None) for turn in part]
        numbers = list(range(said.count - len(found) + 1, said.count + 1))
        assert [turn.number for turn in found] == numbers, reader.__name__


@pytest.mark.parametrize(
    ("reader", "path"),
    [
        (ClaudeReader, DATA / "claude/turns.jsonl"),
        (GeminiReader, DATA / "gemini/turns.jsonl"),
        (CodexReader, next((DATA / "codex-tools").iterdir())),
    ],
)
@given(piece=st.integers(1, 5000))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pieces_of_any_size_make_the_same_turns(reader: Callable[[], Reader], path: Path, piece: int) -> None:
    def read() -> list[object]:
        said = Transcript(FileRecord(lambda: [path]), reader(), whole=True)
        with closing(said):
            return [turn for part in turns(said, 1, None) for turn in part]

    with patch.object(records, "PIECE", piece):
        assert read() == read()
        cut = read()
    assert cut == read()
