"""The usual mistakes of models with our tools (A6 to A9, A11, A12): taken as meant, or refused."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult

from roost.core.vocabulary.identity import OPERATOR
from roost.daemon.serve.mcp.arguments import in_words_of_tools, quoted_id
from tests.support.daemon import Roost, cleared, shared_roost
from tests.support.tools import call_tool
from tests.support.tools import text_of as text


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        made.add("a")
        made.call("wake", name="a")
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    """The agent lives on, and its mailboxes are new."""
    with cleared(shared, but="a") as made:
        made.add("b", "human")
        made.add("c", "human")
        yield made


Tool = Callable[[str, dict[str, Any]], CallToolResult]


@pytest.fixture
def tool(roost: Roost) -> Tool:
    """Calls one tool as the agent `a`."""
    return lambda name, arguments: call_tool(roost, "a", name, arguments)


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"to": "b", "body": "x", "in_reply_to": "1"}, "did you mean reply_to?"),
    ({"to": "b", "body": "x", "from": "c"}, "has no argument from"),
    ({"to": "b", "body": "x", "priority": "high"}, "has no argument priority"),
    ({"recipient": "b", "body": "x"}, "did you mean to?"),
    ({"to": "b", "message": "x"}, "did you mean body?"),
    ({"to": "b"}, "body is missing"),
    ({"body": "x"}, "to is missing"),
    ({"to": "b", "body": {"text": "x"}}, "body is text"),
    ({"to": ["b"], "body": "x"}, "to is text"),
    ({"to": "b", "body": "x", "attachments": [1]}, "a list of absolute paths"),
    ({"to": "b", "body": "x", "attachments": ["notes.txt"]}, "is not an absolute path"),
    ({"to": "nobody", "body": "x"}, "list_peers shows all"),
    ({"to": "@nobody", "body": "x"}, "there is no group 'nobody'"),
    ({"to": "b,,c", "body": "x"}, "a recipient is missing"),
    ({"to": "b,nobody", "body": "x"}, "there is no peer 'nobody'"),
    ({"to": "b,c", "body": "x", "reply_to": "0123456789abcdef"}, "leave reply_to out"),
    ({"to": "b", "body": "x", "reply_to": "0123456789abcdef"}, "the first line of the message"),
    ({"to": "b", "body": "x" * (1 << 20) + "y"}, "name that in attachments"),
    ({"to": "a", "body": " \n"}, "the message is empty"),
]


def test_A6_A7_A12_what_cannot_be_meant_is_refused_by_name(
    roost: Roost, tool: Tool, subtests: pytest.Subtests
) -> None:
    for arguments, said in REFUSED:
        with subtests.test(said):
            result = tool("send_message", arguments)
            assert result.is_error
            assert said in text(result)
            for foreign in ("`roost ", "--", "http", "pydantic"):
                assert foreign not in text(result)
            assert roost.call("messages", name="b") == []


ABSENT: list[dict[str, Any]] = [
    {"to": "b", "body": "x", "topic": "", "reply_to": "", "key": "", "attachments": []},
    {"to": "b", "body": "x", "topic": None, "reply_to": "null", "attachments": None},
    {"to": "`b`", "body": "x", "reply_to": "None"},
    {"to": "@B ", "body": "x", "attachments": ""},
    {"to": "`@b`, 'a'", "body": "x"},
]


def test_A8_what_is_absent_is_absent(roost: Roost, tool: Tool, subtests: pytest.Subtests) -> None:
    for number, arguments in enumerate(ABSENT):
        with subtests.test(str(arguments)):
            before = {each["id"] for each in roost.call("messages", name="b")}
            assert len(before) == number
            assert not tool("send_message", arguments).is_error
            (message,) = [each for each in roost.call("messages", name="b") if each["id"] not in before]
            assert (message["topic"], message["reply_to"], message["attachments"]) == (None, None, [])


def test_A8_an_id_is_found_in_what_it_is_quoted_in(
    roost: Roost, tool: Tool, subtests: pytest.Subtests
) -> None:
    ident = roost.send("a", "@@silent@@", from_="b")["id"]
    roost.until_message(ident, "done")
    for number, quoted in enumerate(("[{}]", "message {}", "<{}>", "[roost message {} from b", "id: `{}`.")):
        with subtests.test(quoted):
            result = tool("send_message", {"to": "b", "body": "x", "reply_to": quoted.format(ident)})
            assert not result.is_error, result
            told = roost.call("messages", name="b")
            assert [each["reply_to"] for each in told] == [ident] * (number + 1)


def test_A8_a_text_with_two_ids_names_none() -> None:
    two = f"{'a' * 32} {'b' * 32}"
    assert quoted_id(two) == two


def test_A9_a_key_stands_for_all_of_a_message(roost: Roost, tool: Tool, tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("one")
    first = {"to": "b", "body": "x", "key": "k", "topic": "t", "attachments": [str(note)]}
    assert not tool("send_message", first).is_error
    note.unlink()
    assert not tool("send_message", first).is_error
    for other in ({"topic": "u"}, {"topic": None}, {"attachments": []}, {"body": "y"}, {"to": "c"}):
        assert "was used for another message" in text(tool("send_message", first | other))
    assert len(roost.call("messages", name="b")) == 1


def test_A11_lists_are_one_block_and_nothing_is_a_sentence(tool: Tool) -> None:
    peers = tool("list_peers", {})
    assert {each["name"] for each in json.loads(text(peers))} == {"a", "b", "c"}
    assert peers.structured_content is not None
    assert len(peers.structured_content["result"]) == 3
    assert text(tool("read_inbox", {})) == "no message waits for you"
    assert "takes no arguments" in text(tool("list_peers", {"filter": "all"}))


def test_A12_an_answer_goes_to_who_asked(roost: Roost, tool: Tool) -> None:
    sent = roost.send("a", "@@silent@@", from_="b")
    roost.until_message(sent["id"], "done")
    refused = tool("send_message", {"to": "c", "body": "x", "reply_to": sent["id"]})
    assert "is from 'b', and an answer goes there" in text(refused)
    assert not tool("send_message", {"to": "b", "body": "x", "reply_to": sent["id"]}).is_error


def test_A7_commands_of_people_are_not_told_to_models() -> None:
    assert in_words_of_tools("'a' is stopped; the message is kept; `roost start a`") == (
        "'a' is stopped; the message is kept"
    )
    assert OPERATOR not in in_words_of_tools("x; see `roost inbox operator`")
