"""17: what the bridge of `roost mcp` makes of its client's lines."""

import json
import os

import pytest

from roost.cli.bridge.lines import LONGEST, Input, Output
from roost.cli.bridge.rpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    InvalidError,
    Message,
    agreed_version,
    goes_on,
    refused,
)


def call(tool: str, arguments: object = None, **more: object) -> Message:
    params = {"name": tool, "arguments": arguments, **more}
    return Message(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode())


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ([b"a\nb\n"], [b"a", b"b"]),
        ([b"a", b"b\nc", b"\n"], [b"ab", b"c"]),
        ([b"a\n\n"], [b"a", b""]),
        ([b"a" * LONGEST, b"a\nb\n"], [None, b"b"]),
        ([b"a" * LONGEST + b"\n"], [b"a" * LONGEST]),
    ],
)
def test_17_what_comes_is_cut_into_lines_and_one_that_is_too_long_is_told(
    chunks: list[bytes], lines: list[bytes | None]
) -> None:
    taken = Input()
    assert [line for chunk in chunks for line in taken.take(chunk)] == lines


@pytest.mark.parametrize(
    ("line", "code", "message_id"),
    [
        (b"{", PARSE_ERROR, None),
        (b'"\xff"', PARSE_ERROR, None),
        (b"[" * 100_000, PARSE_ERROR, None),
        (b"[]", INVALID_REQUEST, None),
        (b"7", INVALID_REQUEST, None),
        (b'{"id":null,"method":"ping"}', INVALID_REQUEST, None),
        (b'{"id":true,"method":"ping"}', INVALID_REQUEST, None),
        (b'{"id":1.5,"method":"ping"}', INVALID_REQUEST, None),
        (b'{"id":[],"method":"ping"}', INVALID_REQUEST, None),
        (b'{"id":1}', INVALID_REQUEST, 1),
        (b'{"id":"x","method":5}', INVALID_REQUEST, "x"),
    ],
)
def test_17_a_line_that_is_no_message_has_an_error_and_its_id(
    line: bytes, code: int, message_id: object
) -> None:
    with pytest.raises(InvalidError) as error:
        Message(line)
    assert (error.value.code, error.value.id) == (code, message_id)


def test_17_a_message_that_is_sent_has_a_key_so_that_it_may_be_asked_for_twice() -> None:
    for arguments in ({"to": "b"}, {"to": "b", "key": None}, {"to": "b", "key": " None "}):
        message = call("send_message", {**arguments, "body": "\ud800 \u00e9"})
        assert message.keyed()
        given = json.loads(message.text)["params"]["arguments"]
        assert given["key"].startswith("mcp-")
        assert given["body"] == "\ud800 \u00e9"
        assert call("send_message", arguments).keyed()
    mine = call("send_message", {"to": "b", "key": "mine"})
    before = mine.text
    assert mine.keyed()
    assert mine.text == before


@pytest.mark.parametrize(
    ("message", "twice"),
    [
        (Message(b'{"id":1,"method":"tools/list"}'), True),
        (call("list_peers"), True),
        (call("read_inbox", {}), True),
        (call("done", {}), False),
        (call("send_message"), False),
        (call("no_such_tool", {"key": "k"}), False),
        (Message(b'{"id":1,"method":"tools/call","params":{"name":[]}}'), False),
        (Message(b'{"id":1,"method":"tools/call","params":7}'), False),
    ],
)
def test_17_only_what_does_no_harm_is_asked_for_twice(message: Message, twice: bool) -> None:
    assert message.keyed() is twice


def test_17_a_request_that_is_given_up_and_one_whose_progress_is_wanted_are_told_by_their_ids() -> None:
    cancel = {"method": "notifications/cancelled", "params": {"requestId": "x"}}
    assert Message(json.dumps(cancel).encode()).cancels == "x"
    assert Message(b'{"method":"notifications/cancelled","params":{"requestId":[]}}').cancels is None
    assert Message(b'{"method":"notifications/cancelled"}').cancels is None
    assert Message(b'{"method":"x","params":{"requestId":1}}').cancels is None
    assert call("read_inbox", {}, _meta={"progressToken": 7}).progress_token == 7
    assert call("read_inbox", {}, _meta={"progressToken": []}).progress_token is None
    assert call("read_inbox", {}).progress_token is None
    assert json.loads(goes_on(7, 2))["params"] == {"progressToken": 7, "progress": 2, "message": "waiting"}


def test_17_the_version_is_the_one_that_was_answered() -> None:
    assert agreed_version('{"result":{"protocolVersion":"2025-06-18"}}') == "2025-06-18"
    assert agreed_version(refused(1, INVALID_REQUEST, "no")) is None


def test_17_an_answer_is_one_line_whatever_is_in_it() -> None:
    reader, writer = os.pipe()
    Output(writer).write(refused(1, INVALID_REQUEST, "a\nb \ud800"))
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        (line,) = told.read().splitlines()
    assert json.loads(line)["error"]["message"] == "a\nb \ud800"
