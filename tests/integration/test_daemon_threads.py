"""`--thread`: a message reaches all who take part in a topic, once, on a real daemon with agents."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from roost.core.vocabulary.limits import RECIPIENTS
from tests.support.daemon import PATIENCE, Record, Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.tools import call_tool, text_of
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]
THREAD = ("--thread", "release")


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        for name in ("a", "b", "c"):
            made.add(name, "human")
        yield made


@pytest.fixture
def thread(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A thread of this test alone: what the operator was sent outlives who sent it."""
    return "--thread", request.node.name


def got(roost: Roost, sent: str) -> list[str]:
    """Who has a message that begins so, as often as it has it."""
    return sorted(row["to"] for row in roost.call("messages") if row["text"].startswith(sent))


def names(output: str) -> list[str]:
    return sorted(line.split()[1] for line in output.splitlines())


def members(roost: Roost, thread: str) -> list[str]:
    return sorted(roost.call("thread", thread=thread)["members"])


def test_a_message_of_one_agent_reaches_the_two_others_once_over_a_kill(home: Home) -> None:
    """N4: who takes part is stored with the messages; a daemon that is killed leaves it as it was."""
    with roost_in(home) as roost:
        for name in ("a", "b", "c"):
            roost.add(name)
        assert roost.cli("send", "a,b,c", "hello", *THREAD).returncode == 0
        for name in ("a", "b", "c"):
            roost.until_state(name, "idle")
        roost.kill()
        roost.start()
        arguments = {"thread": "release", "body": "it is green", "key": "k"}
        first = _sent(roost, "a", arguments)
        assert [row["to"] for row in first] == ["operator", "b", "c"]
        roost.kill()
        roost.start()
        assert _sent(roost, "a", arguments) == first, "the same again is the same messages"
        wait_until(
            lambda: _asked(roost, "it is green") == 2,
            timeout=PATIENCE,
            why="both others have it",
            describe=lambda: roost.call("messages"),
        )
        for name in ("a", "b", "c"):
            roost.until_state(name, "idle")
        assert _asked(roost, "it is green") == 2
        assert got(roost, "it is green") == ["b", "c", "operator"]
        assert members(roost, "release") == ["a", "b", "c", "operator"]


def _sent(roost: Roost, peer: str, arguments: dict[str, Any]) -> list[Record]:
    result = call_tool(roost, peer, "send_message", arguments)
    assert not result.is_error, text_of(result)
    rows: list[Record] = json.loads(text_of(result))["sent"]
    return rows


def _asked(roost: Roost, words: str) -> int:
    """How many prompts of agents hold these words in a line of their own."""
    return sum(words in one["text"].splitlines() for one in roost.happened("prompt"))


def test_a_thread_begins_with_whom_it_names_and_grows_by_whom_it_names(
    roost: Roost, thread: tuple[str, str]
) -> None:
    sent = roost.cli("send", "a", "one", *thread)
    assert (sent.returncode, names(sent.stdout)) == (0, ["a"])
    answered = roost.cli("send", *thread, "two", "--from", "a")
    assert (answered.returncode, names(answered.stdout)) == (0, ["operator"])
    grown = roost.cli("send", "b,a", "three", "words", *thread)
    assert (grown.returncode, names(grown.stdout)) == (0, ["a", "b"])
    alone = roost.cli("send", *thread, "-", data=b"four")
    assert (alone.returncode, names(alone.stdout)) == (0, ["a", "b"]), alone.stderr
    assert got(roost, "four") == ["a", "b"]
    assert got(roost, "three words") == ["a", "b"]
    assert members(roost, thread[1]) == ["a", "b", "operator"]


def test_a_topic_is_a_thread_already(roost: Roost, thread: tuple[str, str]) -> None:
    """One thing by two words: who wrote and was written to under a topic is in its thread."""
    roost.cli("send", "a", "one", "--topic", thread[1])
    assert names(roost.cli("send", *thread, "two").stdout) == ["a"]
    assert {row["topic"] for row in roost.call("messages", topic=thread[1])} == {thread[1]}


def test_a_thread_is_shown_in_order_with_its_members(roost: Roost, thread: tuple[str, str]) -> None:
    roost.cli("send", "a,b", "one", *thread)
    roost.cli("send", *thread, "two", "--from", "b")
    shown = roost.cli("thread", thread[1])
    assert shown.returncode == 0
    first, _, _, *rows = shown.stdout.splitlines()
    assert first == "members  operator, a, b"
    assert [row.split()[1:3] for row in rows] == [
        ["operator", "a"],
        ["operator", "b"],
        ["b", "operator"],
        ["b", "a"],
    ]
    found = json.loads(roost.cli("thread", thread[1], "--json", "--limit", "1").stdout)
    assert [row["to"] for row in found["messages"]] == ["a"]
    assert found["members"] == ["operator", "a", "b"]


def test_who_has_left_gets_no_more_until_it_is_named_or_writes(roost: Roost, thread: tuple[str, str]) -> None:
    roost.cli("send", "a,b", "one", *thread)
    left = roost.cli("thread", thread[1], "--leave", "b")
    assert left.returncode == 0
    assert f"'b' has left the thread '{thread[1]}'" in left.stdout + left.stderr
    assert names(roost.cli("send", *thread, "two").stdout) == ["a"]
    again = roost.cli("thread", thread[1], "--leave", "b")
    assert (again.returncode, f"'b' is not in the thread '{thread[1]}'" in again.stderr) == (4, True)
    assert names(roost.cli("send", *thread, "three", "--from", "b").stdout) == ["a", "operator"]
    assert names(roost.cli("send", *thread, "four").stdout) == ["a", "b"]
    assert roost.cli("thread", thread[1], "--leave").returncode == 0
    assert members(roost, thread[1]) == ["a", "b"]


def test_a_renamed_member_is_followed_and_a_removed_one_dropped(
    roost: Roost, thread: tuple[str, str]
) -> None:
    roost.cli("send", "a,b,c", "one", *thread)
    roost.cli("thread", thread[1], "--leave", "c")
    roost.call("rename", old="a", new="z", force=False)
    roost.call("rename", old="c", new="y", force=False)
    roost.call("remove", name="b", force=False)
    roost.add("b", "human")
    assert names(roost.cli("send", *thread, "two").stdout) == ["z"]
    assert members(roost, thread[1]) == ["operator", "z"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["send", *THREAD, "x"], 4, "there is no thread 'release' yet; name whom it begins with"),
        (["send", "a", "x", *THREAD, "--topic", "t"], 2, "give one of --thread and --topic"),
        (["send", "a", "x", "--thread", ""], 2, "a thread has a name"),
        (["send", *THREAD, "a,b"], 2, "'a,b' is who gets messages, not a text"),
        (["send", "--file", "/dev/null"], 2, "missing argument 'TO'"),
        (["send", "gone", "x", *THREAD], 4, "there is no peer 'gone'"),
        (["thread", "release"], 4, "there is no thread 'release'"),
        (["thread", "release", "a"], 2, "only with --leave"),
        (["thread", "release", "--leave", "a"], 4, "'a' is not in the thread"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    roost: Roost, arguments: list[str], status: int, said: str
) -> None:
    before = roost.call("messages")
    done = roost.cli(*arguments)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert roost.call("messages") == before


def test_nobody_but_the_sender_is_no_thread_to_write_to(roost: Roost, thread: tuple[str, str]) -> None:
    roost.cli("send", "a", "one", *thread)
    roost.cli("thread", thread[1], "--leave", "a")
    sent = roost.cli("send", *thread, "two")
    assert (sent.returncode, "nobody but 'operator'" in sent.stderr) == (1, True)


def test_more_members_than_the_bound_have_to_be_meant(roost: Roost, thread: tuple[str, str]) -> None:
    crowd = [roost.add(f"p{n}", "human") for n in range(RECIPIENTS + 1)]
    assert roost.cli("send", ",".join(crowd), "one", *thread, "--yes").returncode == 0
    sent = roost.cli("send", *thread, "to all of them")
    assert (sent.returncode, sent.stdout, "--yes" in sent.stderr) == (1, "", True)
    assert got(roost, "to all of them") == []
    assert names(roost.cli("send", *thread, "three", "--yes").stdout) == sorted(crowd)


def test_an_agent_leaves_for_itself_and_its_tool_names_one_of_topic_and_thread(
    roost: Roost, thread: tuple[str, str]
) -> None:
    roost.call("wake", name=roost.add("worker"))
    roost.until_state("worker", "idle")
    roost.cli("send", "a,worker", "one", *thread)
    for arguments, said in (
        ({"thread": "release", "topic": "t"}, "give one of thread and topic"),
        ({}, "send_message needs to and body; to is missing"),
        ({"thread": "nowhere"}, "there is no thread 'nowhere' yet"),
    ):
        result = call_tool(roost, "worker", "send_message", {"body": "x", **arguments})
        assert (result.is_error, said in text_of(result)) == (True, True), text_of(result)
        assert "roost send" not in text_of(result)
    token = {"ROOST_TOKEN": roost.token("worker")}
    denied = roost.cli("thread", thread[1], "--leave", "a", environ=token)
    assert (denied.returncode, "cannot leave for 'a'" in denied.stderr) == (1, True), denied.stderr
    assert roost.cli("thread", thread[1], "--leave", environ=token).returncode == 0
    assert members(roost, thread[1]) == ["a", "operator"]
