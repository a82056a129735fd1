"""Tokens are counted as the record of each program tells them, each once."""

from typing import Any

import pytest

from roost.runtimes.turns.claude import ClaudeReader
from roost.runtimes.turns.codex import CodexReader
from roost.runtimes.turns.demo import DemoReader
from roost.runtimes.turns.gemini import GeminiReader
from roost.runtimes.turns.opencode import OpencodeReader
from roost.runtimes.turns.transcript import Reader
from roost.runtimes.turns.turn import Turns
from roost.runtimes.turns.usage import Usage


def counted(reader: Reader, *entries: dict[str, Any]) -> Usage | None:
    turns = Turns(whole=False)
    for entry in entries:
        reader.read(entry, turns)
    return turns.usage.total


def claude(key: str, given: int, cached: int, written: int, **more: object) -> dict[str, Any]:
    usage = {
        "input_tokens": given,
        "cache_read_input_tokens": cached,
        "cache_creation_input_tokens": 5,
        "output_tokens": written,
    }
    message = {"id": key, "content": [{"type": "text", "text": "x"}], "usage": usage}
    return {"type": "assistant", "message": message, **more}


def codex(given: int, cached: int, written: int) -> dict[str, Any]:
    total = {"input_tokens": given, "cached_input_tokens": cached, "output_tokens": written}
    return {"type": "event_msg", "payload": {"type": "token_count", "info": {"total_token_usage": total}}}


def test_an_answer_of_claude_stands_in_several_lines_and_counts_once() -> None:
    lines = [claude("m1", 10, 100, 1), claude("m1", 10, 100, 7), claude("m2", 3, 110, 2)]
    assert counted(ClaudeReader(), *lines) == Usage(10 + 100 + 5 + 3 + 110 + 5, 210, 9)


def test_what_its_helpers_took_and_an_error_of_the_api_are_no_part_of_it() -> None:
    lines = [claude("m1", 10, 0, 1), claude("m2", 9, 9, 9, isSidechain=True)]
    assert counted(ClaudeReader(), *lines, claude("m3", 9, 9, 9, isApiErrorMessage=True)) == Usage(15, 0, 1)


def test_codex_tells_sums_and_may_begin_anew() -> None:
    lines = [codex(100, 40, 5), codex(250, 90, 9), codex(30, 0, 2), codex(70, 0, 4)]
    assert counted(CodexReader(), *lines) == Usage(320, 90, 13)


def test_gemini_and_opencode_tell_it_of_each_message_again_and_again() -> None:
    tokens = {"input": 50, "cached": 20, "output": 3, "thoughts": 4, "total": 57}
    lines = [
        {"id": "a", "type": "gemini", "content": "x", "tokens": {**tokens, "output": 1}},
        {"id": "a", "type": "gemini", "content": "xy", "tokens": tokens},
        {"id": "b", "type": "gemini", "content": "z", "tokens": tokens},
    ]
    assert counted(GeminiReader(), *lines) == Usage(100, 40, 14)
    held = {"input": 10, "output": 2, "reasoning": 1, "cache": {"read": 30, "write": 4}}
    infos = [{"id": key, "role": "assistant", "tokens": held} for key in ("a", "a", "b")]
    assert counted(OpencodeReader(), *({"info": info, "parts": []} for info in infos)) == Usage(88, 60, 6)


@pytest.mark.parametrize("odd", [None, "many", -3, [], {"input_tokens": "x", "output_tokens": None}])
def test_what_is_no_number_counts_nothing(odd: object) -> None:
    entry = {"type": "assistant", "message": {"id": "m", "content": [], "usage": odd}}
    assert counted(ClaudeReader(), entry) == Usage()


def test_a_record_that_tells_of_none_says_so() -> None:
    assert counted(DemoReader(), {"role": "user", "text": "x"}) is None
    assert counted(CodexReader()) is None
