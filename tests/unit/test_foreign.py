"""JSON that other programs wrote is read, however deep it is nested and wherever its texts were cut."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from roost.acp.rpc import Asked, Rpc
from roost.foreign import DEEPEST, DEPTH, decode, entire, whole
from roost.runtimes.codex_server.connection import Connection, Frame
from roost.runtimes.lines import records
from roost.runtimes.opencode_http import Reply
from roost.runtimes.turns.record import entry_of


def depth_of(value: object) -> int:
    depth = 0
    while isinstance(value, list) and value:
        depth, value = depth + 1, value[0]
    return depth


def test_what_is_nested_too_deep_is_read_without_its_depths() -> None:
    deep = "[" * 100_000 + "]" * 100_000
    texts = '"a": "\\"[{", "b": [[], {"x": "]}"}]'
    found = decode(f'{{{texts}, "deep": {deep}, "c": [{deep}, 1], "d": 2}}'.encode())
    assert isinstance(found, dict)
    assert (found["a"], found["b"], found["d"]) == ('"[{', [[], {"x": "]}"}], 2)
    assert depth_of(found["deep"]) == DEPTH - 1  # below the object
    assert found["c"][1] == 1
    assert decode(f'{{"deep": {deep}}}') == {"deep": found["deep"]}


@pytest.mark.parametrize("depth", [DEEPEST + 1, 900, *range(940, 1000, 3), 5000])
def test_what_can_just_be_read_makes_no_trouble_later(depth: int) -> None:
    """Python compares, shows and writes fewer levels than it reads."""
    line = f'{{"type": "user", "text": {"[" * depth}{"]" * depth}}}'
    for found in (decode(line), entry_of(line), entry_of(line.encode()), next(records([line.encode()]))):
        assert isinstance(found, dict)
        assert depth_of(found["text"]) == DEPTH - 1
    with pytest.raises(ValueError, match="nested deeper than"):
        entire(line)


def test_what_can_be_worked_with_is_kept_whole() -> None:
    deep = DEEPEST - 1
    line = f'{{"text": {"[" * deep}{"]" * deep}, "brackets": "{"[{" * 999}\\"[", "more": {[[0]] * 999}}}'
    said = json.loads(line)
    assert decode(line) == entry_of(line) == entire(line) == said
    assert depth_of(said["text"]) == deep - 1
    assert entire('"\udcff"') == "\udcff", "a byte that is no UTF-8, in a file of a person's"


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "]" * 100_000, "[" * 100_000 + "]" * 99_999, "", "{", "[1,]"]
)
def test_what_is_no_json_is_refused_however_deep(text: str) -> None:
    for given in (text, text.encode()):
        with pytest.raises(ValueError, match=r"Expecting|Illegal"):
            decode(given)


def test_what_is_not_deep_is_read_as_ever() -> None:
    text = json.dumps({"a": [1, 2.5, None, True, "\u2028"]})
    assert decode(text) == decode(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"a\uD83D\u0041 \uDE00\ud83d\ud83d\ude00"', "a\ufffdA \ufffd\ufffd\U0001f600"),
        (rb'"\\ud83d \\\ud83d \"\udc80"', '\\ud83d \\\ufffd "\ufffd'),
        (b'"\xed\xa0\xbd \xed\x95\x9c"', "\ufffd \ud55c"),
        (rb'{"\udc00": [1, "\udfff"]}', {"\ufffd": [1, "\ufffd"]}),
    ],
)
def test_half_of_a_character_is_read_as_the_sign_for_what_cannot_be_shown(text: bytes, said: object) -> None:
    assert decode(text) == said
    if b"\xed" not in text:
        assert decode(text.decode()) == said
    assert whole(whole(text)) == whole(text)


def test_whole_texts_are_not_touched() -> None:
    text = json.dumps("한 \U0001f600 \\ud83d \ud55c").encode()
    for given in (text, b'"plain"', '"한"'.encode()):
        assert whole(given) == given


def test_half_of_a_character_comes_in_nowhere() -> None:
    line = rb'{"id": 1, "method": "m", "params": {"text": "cut \ud83d"}}'
    cut = {"text": "cut \ufffd"}
    assert [each["params"] for each in records([line])] == [cut]
    assert (entry_of(line) or {})["params"] == (entry_of(line.decode()) or {})["params"] == cut
    assert Reply(body=bytearray(line)).value()["params"] == cut
    assert Rpc(lambda _line: None).receive(line) == Asked(1, "m", cut)


async def test_half_of_a_character_from_a_codex_server_hides_nothing_that_it_tells() -> None:
    async def lines() -> AsyncIterator[str]:
        yield r'{"method": "m", "params": {"threadId": "t", "text": "cut \ud83d"}}'
        yield f'{{"method": "deep", "params": {{"x": {"[" * 5000}{"]" * 5000}}}}}'
        yield '{"method": "last"}'

    told: list[Frame] = []
    await Connection(cast("Any", lines()), told.append).read()
    assert [frame.method for frame in told] == ["m", "last"]
    assert told[0].params == {"threadId": "t", "text": "cut \ufffd"}
    assert json.loads(told[0].raw)["params"] == told[0].params
