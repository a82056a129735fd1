"""`send --when now` to a real agent program in mid-turn; the model on loopback tells what it saw."""

import signal
from collections.abc import Iterator

import pytest

from tests.support.daemon import signal_pid
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

KEEPS = {
    "claude": f"@@silent@@\n@@delay {LONG}@@",
    "opencode": f"@@silent@@\n@@delay {LONG}@@",
    "codex": (
        "@@silent@@\n@@tool exec_command "
        '{"cmd": "until test -e go; do sleep 0.1; done", "yield_time_ms": 30000}@@'
    ),
}
"""A turn that takes nothing in until it ends, or until its tool has: what is entered waits meanwhile."""


@pytest.fixture(scope="module", params=["claude", "codex", "opencode"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always") as made:
        made.roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)
        yield made


def working(agents: Agents, body: str) -> str:
    """A message whose turn runs, and has been asked of the model."""
    sent = agents.roost.send("a", body)
    agents.arrived(sent["id"])
    agents.roost.until_state("a", "working")
    return sent["id"]


def pending(agents: Agents) -> tuple[str, str]:
    """A message in a turn that lasts until `let_go`, and an urgent one in the program's own queue."""
    first = working(agents, KEEPS[agents.runtime])
    second = agents.roost.send("a", "@@reply here@@", when="now")["id"]
    entered(agents, second)
    return first, second


def entered(agents: Agents, message_id: str) -> None:
    """Wait until the program has it in its own queue."""
    wait_until(
        lambda: "has not taken it yet" in agents.roost.message(message_id)["why"],
        timeout=PATIENCE,
        why="it was entered",
        describe=lambda: agents.roost.message(message_id),
    )


def let_go(agents: Agents) -> None:
    """Have a turn that waits go on."""
    agents.model.delays.end()
    (agents.roost.home.work / "a/go").touch()


def replies(agents: Agents) -> dict[str, str]:
    """What was answered to which message."""
    return {each["reply_to"]: each["body"] for each in agents.roost.call("inbox", name="operator")}


def offers(agents: Agents, message_id: str) -> int:
    return [each["outcome"] for each in agents.roost.message(message_id)["attempts"]].count("offered")


def test_an_urgent_message_joins_the_running_turn_and_each_is_answered(agents: Agents) -> None:
    first = working(agents, f"@@delay {LONG}@@\n@@reply of the first@@")
    second = agents.roost.send("a", "@@reply of the second@@", when="now")["id"]
    wait_until(
        lambda: (
            "has not taken it yet" in agents.roost.message(second)["why"]
            or agents.roost.message(second)["accepted_at"]
        ),
        timeout=PATIENCE,
        why="the turn has it, or its program's own queue",
        describe=lambda: agents.roost.message(second),
    )
    let_go(agents)
    ends = [agents.roost.until_message(each, "done")["done_at"] for each in (first, second)]
    assert ends[0] == ends[1], "one turn"
    assert replies(agents)[first] == "of the first"
    assert [agents.shown(each) for each in (first, second)] == [1, 1]
    assert [offers(agents, each) for each in (first, second)] == [1, 1]
    texts = agents.arrived(second).user_texts
    assert [first in texts[-2], second in texts[-1]] == [True, True], "the model has both"


def test_N8_a_daemon_killed_before_the_turn_takes_the_message_finds_it(agents: Agents) -> None:
    first, second = pending(agents)
    agents.roost.kill()
    agents.roost.start()
    let_go(agents)
    for each in (first, second):
        agents.roost.until_message(each, "done")
        assert agents.shown(each) == 1
    assert offers(agents, second) == 1


def test_P7_an_interrupt_ends_the_turn_and_what_it_did_not_take_begins_the_next(agents: Agents) -> None:
    first, second = pending(agents)
    assert agents.roost.cli("interrupt", "a").returncode == 0
    agents.roost.until_message(second, "done")
    assert "interrupted" in agents.roost.message(first)["why"]
    assert agents.roost.message(first)["state"] == "dead-letter"
    assert agents.shown(second) == 1
    assert offers(agents, second) == 1


def test_N2_a_death_takes_the_programs_queue_with_it_and_nothing_is_lost_or_doubled(agents: Agents) -> None:
    first, second = pending(agents)
    signal_pid(agents.roost.session("a")["agent_pid"], signal.SIGKILL)
    let_go(agents)
    agents.roost.until_message(first, "done")
    agents.roost.until_message(second, "done")
    assert agents.shown(first) == 2, "the message, and the note that drives it again"
    # OpenCode keeps what waits in the conversation: the note of the first one may take it along.
    assert agents.shown(second) in ((1, 2) if agents.runtime == "opencode" else (1,))
    assert replies(agents)[second] == "here"
