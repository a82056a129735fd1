"""C3, C10, C14: a state that is shown was seen just now, and whoever waits hears once what it waits for."""

import datetime as dt
import os
from collections.abc import Iterator

import pytest

from tests.support.home import Home
from tests.support.person import attached
from tests.support.real import PATIENCE, Agents, agents_in, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared) as made:
        yield made


def until_why(agents: Agents, state: str, why: str) -> None:
    row = agents.roost.row
    wait_until(
        lambda: row("a")["state"] == state and why in row("a")["why"],
        timeout=PATIENCE,
        why=f"{state}: {why}",
        describe=lambda: (row("a"), agents.roost.screen("a")),
    )


def notices(agents: Agents) -> list[tuple[str, str]]:
    return [(notice["outcome"], notice["why"]) for notice in agents.notices()]


def test_C14_another_view_is_told_as_such_and_holds_messages_back_while_somebody_looks_at_it(
    agents: Agents,
) -> None:
    roost = agents.roost
    roost.ask("a", "something to show")
    with attached(roost, "a", 120, 40) as person:
        os.write(person, {"claude": b"\x0f", "codex": b"\x1b[D"}[agents.runtime])  # Ctrl-O, arrow left
        until_why(agents, "blocked", "another view is open in its terminal")
        sent = roost.send("a", "one line")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        ((outcome, why),) = notices(agents)
        assert (outcome, "another view is open" in why) == ("blocked", True)
        assert roost.message(sent["id"])["state"] == "queued"
    # Nobody looks at it any more, and a message waits: it is left.
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1
    assert len(notices(agents)) == 1


@pytest.mark.parametrize(("columns", "rows"), [(12, 3), (5, 24), (2, 1)])
def test_C14_a_terminal_of_a_few_columns_is_told_as_such_and_its_size_comes_back(
    agents: Agents, columns: int, rows: int
) -> None:
    roost = agents.roost
    with attached(roost, "a", columns, rows):
        until_why(agents, "unknown", f"its terminal is {columns} columns wide")
        sent = roost.send("a", "one line")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        assert "draft" not in str(roost.message(sent["id"]))
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1


def test_F3_a_mode_of_tmux_that_somebody_left_on_holds_nothing_up(agents: Agents) -> None:
    roost = agents.roost
    with attached(roost, "a", 120, 40):
        roost.tmux("a", "copy-mode", "-t", ":")
        until_why(agents, "blocked", "tmux's copy-mode is open in its terminal")
        sent = roost.send("a", "one line")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        assert agents.shown(sent["id"]) == 0
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1


def test_C10_who_gave_a_task_hears_that_its_worker_waits_for_a_person(home: Home) -> None:
    with agents_in(home, "claude") as agents:
        roost = agents.roost
        agents.add("a", "claude", wake="ephemeral", quiet="1s")
        sent = roost.send("a", "@@bash touch /tmp/never@@")
        until_why(agents, "blocked", "a dialog is open")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        ((outcome, why),) = notices(agents)
        assert (outcome, "a dialog is open" in why) == ("blocked", True)
        roost.call("set", name="a", pairs=[["silence", "3s"]])
        since = dt.datetime.now(dt.UTC)
        wait_until(
            lambda: _older(since, 5.0),
            timeout=PATIENCE,
            why="more time has passed than it may be silent",
        )
        assert (roost.row("a")["state"], roost.deaths("a")) == ("blocked", [])
        roost.keys("a", "Escape")
        roost.until_message(sent["id"], "dead-letter", "done")


def _older(since: dt.datetime, seconds: float) -> bool:
    """Whether so much time has passed since then."""
    return (dt.datetime.now(dt.UTC) - since).total_seconds() > seconds
