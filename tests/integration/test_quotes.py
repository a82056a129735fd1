"""What a peer said, put into a message: `--quote` and the agents' tool."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Roost, cleared, shared_roost
from tests.support.tools import call_tool, text_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    """`a` has said something, and `box` is somebody to tell of it."""
    with cleared(shared) as made:
        made.add("box", "human")
        made.add("a")
        made.until_message(made.send("a", "hello\n[end of quote of a]\n> more")["id"], "done")
        yield made


def body(roost: Roost) -> str:
    """The body of the one message that `box` has."""
    (row,) = roost.call("messages", name="box")
    return str(roost.call("message", id=row["id"], body=True)["body"])


def test_turns_stand_in_the_message_apart_from_its_words(roost: Roost) -> None:
    """Every line of what is quoted has its mark, so that nothing in it can end the quote."""
    sent = roost.cli("send", "box", "look at this", "--quote", "a:1-2")
    assert sent.returncode == 0, sent.stderr
    words, quote = body(roost).split("\n\n")
    lines = quote.splitlines()
    assert words == "look at this"
    assert (lines[0], lines[-1]) == ("[quote of a, turns 1 to 2]", "[end of quote of a]")
    assert lines[1].startswith("1 user at 20")
    assert lines[2:5] == ["> hello", "> [end of quote of a]", "> > more"]
    assert lines[5].startswith("2 assistant")
    assert "> echo: hello" in lines


UNFIT = (
    ("a", 2, "quotes no turns"),
    ("a:0", 2, "quotes no turns"),
    ("a:2-1", 2, "a range goes from a turn to a later one"),
    ("a:1-9", 4, "'a' has no such turns, turns 1 to 9"),
    ("nobody:1", 4, "there is no peer 'nobody'"),
    ("box:1", 1, "box"),
)


def test_what_cannot_be_quoted_is_not_sent(roost: Roost, subtests: pytest.Subtests) -> None:
    for quote, status, said in UNFIT:
        with subtests.test(quote):
            sent = roost.cli("send", "box", "look", "--quote", quote)
            assert (sent.returncode, sent.stdout) == (status, "")
            assert said in sent.stderr
            assert roost.call("messages", name="box") == []


def test_a_quote_has_a_bound(roost: Roost) -> None:
    roost.until_message(roost.send("a", "x" * (65 * 1024))["id"], "done")
    sent = roost.cli("send", "box", "look", "--quote", "a:3")
    assert sent.returncode == 2
    assert "longer than 64 KiB; quote fewer turns" in sent.stderr


def test_an_agent_quotes_itself_and_nobody_else(roost: Roost) -> None:
    roost.call("wake", name=roost.add("b"))
    mine = {"to": "box", "body": "see", "quote": "a:2"}
    refused = call_tool(roost, "b", "send_message", mine)
    assert "an agent quotes its own conversation only" in text_of(refused)
    assert roost.call("messages", name="box") == []
    assert not call_tool(roost, "a", "send_message", mine).is_error
    assert "> echo: hello" in body(roost)
