"""JSON that other programs wrote is read, however deep it is nested."""

import json

import pytest

from roost.foreign import DEPTH, decode


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
