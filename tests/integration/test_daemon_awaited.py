"""A message whose answer is wanted by a time: its sender hears of an answer, of silence, of a death (N1)."""

import json
import time
from collections.abc import Iterator

import pytest

from roost.core.messages.awaited import NO_ANSWER
from roost.errors import RoostError
from tests.support.daemon import Record, Roost, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.tools import call_tool, text_of
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def all_silences(roost: Roost) -> set[str]:
    """What all those notices to the operator are about."""
    notices = [row["notice"] for row in roost.call("messages", name="operator") if row["notice"]]
    return {each["about"] for each in notices if each["outcome"] == NO_ANSWER}


def silences(roost: Roost, about: str, name: str = "operator") -> list[Record]:
    """The notices to a peer that no answer to this message has come."""
    rows = roost.call("messages", name=name)
    told = [row for row in rows if row["notice"] and row["notice"]["outcome"] == NO_ANSWER]
    return [row for row in told if row["notice"]["about"] == about]


def until_silence(roost: Roost, about: str, name: str = "operator") -> str:
    """Wait until the peer is told, and how."""
    wait_until(lambda: silences(roost, about, name), timeout=PATIENCE, why="the asker hears of silence")
    (told,) = silences(roost, about, name)
    return str(roost.call("message", id=told["id"], body=True)["body"])


def test_N1_silence_is_told_once_though_the_daemon_is_dead_when_the_time_is_over(home: Home) -> None:
    with roost_in(home) as roost:
        roost.add("a")
        sent = roost.cli("send", "a", "@@silent@@", "--reply-within", "2s", "--json")
        assert sent.returncode == 0, sent.stderr
        asked = json.loads(sent.stdout)["id"]
        by = roost.message(asked)["reply_by"]
        assert by is not None
        assert "reply by" in roost.cli("message", asked).stdout
        roost.until_message(asked, "done")
        roost.kill()
        assert json.loads(roost.cli("message", asked, "--json").stdout)["reply_by"] == by
        over = time.time() + 2.0
        wait_until(lambda: time.time() > over, timeout=PATIENCE, why="the time is over")
        roost.start()
        words = until_silence(roost, asked)
        assert (
            "no answer. None has come within 2s; a later one still comes to you. For 'a' it is done" in words
        )
        roost.kill()
        assert "no answer in time: operator was told" in roost.cli("message", asked).stdout
        roost.start()
        story = roost.message(asked)
        assert story["reply_by"] is None
        assert story["story"][-1]["what"] == "no answer in time: operator was told"
        roost.call("send", token=roost.token("a"), to="operator", body="at last", reply_to=asked)
        assert [item["body"] for item in roost.call("inbox", name="operator")][-1] == "at last"
        assert len(silences(roost, asked)) == 1


def test_an_answer_in_time_is_all_that_the_asker_hears(roost: Roost) -> None:
    roost.add("a")
    answered = roost.send("a", "hello", reply_within=3.0, wait="replied", timeout=PATIENCE)["id"]
    assert roost.message(answered)["reply_by"] is None
    later = roost.send("a", "@@silent@@", reply_within=3.5)["id"]
    until_silence(roost, later)
    assert silences(roost, answered) == []


def test_an_agent_asks_by_its_tool_and_is_given_the_silence_and_the_late_answer(roost: Roost) -> None:
    roost.add("a")
    roost.call("add", name="desk", settings={"runtime": "human", "dir": str(roost.home.work)})
    roost.call("wake", name="a")
    roost.until_state("a", "idle")
    told = call_tool(roost, "a", "send_message", {"to": "desk", "body": "may I?", "reply_within": 0.5})
    assert not told.is_error, text_of(told)
    asked = json.loads(text_of(told))["id"]
    assert "For 'desk' it is queued" in until_silence(roost, asked, "a")
    wait_until(
        lambda: any(f"Your message {asked}" in each["text"] for each in roost.happened("prompt")),
        timeout=PATIENCE,
        why="the agent is told",
    )
    late = roost.call("send", to="a", body="you may", reply_to=asked, **{"from": "desk"})
    roost.until_message(late["id"], "done")
    assert len(silences(roost, asked, "a")) == 1


def test_what_was_refused_is_not_awaited_and_each_of_several_is(roost: Roost) -> None:
    before = all_silences(roost)
    roost.add("a", queue_limit="1")
    roost.add("b")
    roost.call("stop", name="a")
    asked = {"reply_within": 0.5, "key": "one"}
    first = roost.call("send_many", to=["a", "b"], body="@@silent@@", **asked)
    with pytest.raises(RoostError):
        roost.send("a", "no room", reply_within=0.1)
    for row in first:
        assert f"For '{row['to']}' it is" in until_silence(roost, row["id"])
    assert all_silences(roost) - before == {row["id"] for row in first}


def test_who_was_told_of_its_end_is_not_told_of_silence_too(roost: Roost) -> None:
    roost.add("a")
    roost.call("stop", name="a")
    given_up = roost.send("a", "hello", reply_within=0.6)["id"]
    roost.call("drop", id=given_up)
    other = roost.send("a", "hello", reply_within=1.0)["id"]
    until_silence(roost, other)
    assert silences(roost, given_up) == []


@pytest.mark.parametrize("within", [0, -1, 1e12])
def test_a_time_that_is_none_is_refused(roost: Roost, within: float) -> None:
    roost.add("a")
    with pytest.raises(RoostError) as refused:
        roost.send("a", "hello", reply_within=within)
    assert "time for the answer" in refused.value.message
    assert roost.cli("send", "a", "hello", "--reply-within", "0s").returncode == 2
