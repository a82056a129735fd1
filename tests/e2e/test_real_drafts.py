"""A person at the terminal of a real CLI: a draft is never fused with a message, which waits and says so."""

import os
from collections.abc import Iterator

import pytest

from tests.support.person import attached
from tests.support.real import PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        made.add("a", made.runtime)
        made.wake("a")
        yield made


def test_a_draft_holds_a_message_back_until_it_is_gone(agents: Agents) -> None:
    roost = agents.roost
    with attached(roost, "a") as person:
        os.write(person, b"half a thought")
        wait_until(lambda: "half a thought" in roost.screen("a"), timeout=PATIENCE, why="the draft shows")
        sent = roost.send("a", "one line")
        wait_until(
            lambda: "a draft stands in its input line" in roost.row("a")["why"],
            timeout=PATIENCE,
            why="the reason is shown",
            describe=lambda: (roost.row("a")["why"], roost.message(sent["id"])["why"]),
        )
        assert "half a thought" in roost.screen("a")
        assert agents.shown(sent["id"]) == 0
        os.write(person, b"\x7f" * len("half a thought"))
        roost.until_message(sent["id"], "done")
    assert "half a thought" not in agents.text(sent["id"])
    assert agents.shown(sent["id"]) == 1


@pytest.mark.parametrize("lines", [1, 30], ids=["shown", "collapsed"])
def test_somebody_who_presses_a_key_now_and_then_does_not_keep_a_message_from_its_enter(
    agents: Agents, lines: int
) -> None:
    """What stands in the input line is known to be ours, in full or as the one placeholder of our paste."""
    roost = agents.roost
    with attached(roost, "a"):
        sent = roost.send("a", "a line\n" * lines, wait="done", timeout=PATIENCE)
    assert agents.shown(sent["id"]) == 1
