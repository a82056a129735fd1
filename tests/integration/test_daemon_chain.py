"""Agents that thank each other are stopped at the bound, and a person's word opens the way again."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Roost, cleared, shared_roost
from tests.support.tools import call_tool, text_of
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]
RING = "@@thank {} {} {}@@"
PATIENCE = 60.0
AGENTS = {"a", "b", "c"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def between(roost: Roost) -> list[str]:
    """Messages that agents have sent each other."""
    return [each["id"] for each in roost.call("messages") if {each["from"], each["to"]} <= AGENTS]


def news(roost: Roost, name: str = "operator") -> list[str]:
    """What a peer was told of chains that ended."""
    told = [roost.call("message", id=row["id"], body=True) for row in roost.call("messages", name=name)]
    return [each["body"] for each in told if each["from"] == "roost" and "chain-limit" in each["body"]]


def stopped(roost: Roost, before: list[str], names: str = "abc") -> str:
    """What the operator was told, beyond that before, of the one chain that ended; all rest."""
    wait_until(lambda: len(news(roost)) > len(before), timeout=PATIENCE, why="the operator is told")
    for name in names:
        roost.until_state(name, "idle")
    told = news(roost)
    assert len(told) == len(before) + 1
    return next(each for each in told if each not in before)


def test_a_ring_of_agents_is_stopped_at_the_bound(roost: Roost) -> None:
    for name in "abc":
        roost.add(name, chain_limit="5")
    before = news(roost)
    roost.send("a", RING.format("b", "c", "a"))
    told = stopped(roost, before)
    assert len(between(roost)) == 5
    assert "5 messages went between agents without a person's word" in told
    assert "from 'c' to 'a', was refused" in told
    assert [len(news(roost, name)) for name in "abc"] == [1, 0, 1]

    before = news(roost)
    roost.send("b", RING.format("c", "a", "b"))
    stopped(roost, before)
    assert len(between(roost)) == 10


def test_two_that_answer_each_other_are_stopped_and_none_without_a_bound(roost: Roost) -> None:
    roost.add("a", chain_limit="4")
    roost.add("b", chain_limit="0")
    before = news(roost)
    roost.send("a", "@@thank b a@@")
    stopped(roost, before, "ab")
    assert len(between(roost)) == 5, "b takes the fifth, a refuses the sixth"


def test_the_refusal_says_what_to_do(roost: Roost) -> None:
    for name in "abc":
        roost.add(name, chain_limit="1")
    before = news(roost)
    roost.send("a", "@@send b @@delay 60@@@@")
    roost.until_state("b", "working")
    refused = call_tool(roost, "b", "send_message", {"to": "c", "body": "thanks"})
    assert refused.is_error
    assert "a person's message opens the way again" in text_of(refused)
    several = call_tool(roost, "b", "send_message", {"to": "a,c", "body": "thanks"})
    assert "a person's message opens the way again" in text_of(several)
    wait_until(lambda: len(news(roost)) > len(before), timeout=PATIENCE, why="the operator is told")
    assert len(news(roost)) == len(before) + 1
    assert len(between(roost)) == 1
