"""The light JSON of the command line and the standard library's are the same."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.client.wire import decode, encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


@given(VALUES, st.booleans(), st.sampled_from([None, 2]))
def test_what_is_written_and_read_is_what_json_writes_and_reads(
    value: object, ascii_only: bool, indent: int | None
) -> None:
    assert encode(value, ascii_only=ascii_only) == json.dumps(value, ensure_ascii=ascii_only)
    assert decode(f" {json.dumps(value, indent=indent)}\r\n".encode()) == value


@pytest.mark.parametrize(
    "line", [b"", b" ", b"{", b"{]", b'"', b"1 2", b'{"a": 1}}', b"\xff", b"'a'", b"nul"]
)
def test_what_is_no_json_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 -- as of json, with words of its own
        decode(line)


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(TypeError, match="set is no JSON"):
        encode({"a": {1}})


@pytest.mark.parametrize("missing", [True, False])
def test_a_python_with_other_functions_uses_json(missing: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, "_json", None)
    else:
        monkeypatch.setattr("_json.make_encoder", lambda: None)
        monkeypatch.setattr("_json.make_scanner", lambda: None)
    assert decode(encode({"ä": [1, None]}).encode()) == {"ä": [1, None]}
    assert encode("ä", ascii_only=True) == '"\\u00e4"'
