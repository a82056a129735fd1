"""Warm pools, the classes of `--when` and a busy recipient, with a real program: Codex starts soonest."""

from collections.abc import Iterator

import pytest

from tests.support.real import LONG, PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(720)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Agents]:
    with shared_agents("codex") as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        yield made


def test_B1_P4_a_task_meets_a_booted_agent_and_a_fresh_conversation(agents: Agents) -> None:
    agents.add("a", agents.runtime, wake="ephemeral", quiet="100ms", pool="1")
    first = agents.roost.send("a", "@@reply one@@")["id"]
    agents.roost.until_message(first, "done")
    agents.roost.until_death("a")
    wait_until(
        lambda: [one["state"] for one in agents.roost.call("show", name="a")["pool"]] == ["idle"],
        timeout=2 * PATIENCE,
        why="a spare is ready",
        describe=lambda: agents.roost.call("show", name="a")["pool"],
    )
    (spare,) = agents.roost.call("show", name="a")["pool"]
    second = agents.roost.send("a", "@@recall@@")["id"]
    agents.roost.until_message(second, "done")
    taken = [step["session"] for step in agents.roost.message(second)["attempts"] if step["session"]]
    assert set(taken) == {spare["id"]}
    answers = [item["body"] for item in agents.roost.call("inbox", name="operator") if not item["notice"]]
    assert answers == ["one", "0"], "it holds nothing of the first task"
    assert (agents.shown(first), agents.shown(second)) == (1, 1)


def test_N2_a_busy_agent_gets_what_waits_by_its_class_and_each_once(agents: Agents) -> None:
    agents.add("a", agents.runtime)
    assert agents.roost.ask("a", "first") == "echo: first"
    busy = agents.roost.send("a", f"@@delay {LONG}@@\n@@reply busy@@", wait="accepted", timeout=PATIENCE)[
        "id"
    ]
    waits = agents.roost.send("a", "@@reply waits@@", when="idle")["id"]
    plain = agents.roost.send("a", "@@reply plain@@")["id"]
    assert agents.roost.message(waits)["state"] == agents.roost.message(plain)["state"] == "queued"
    agents.model.delays.end()
    for message_id in (busy, plain, waits):
        agents.roost.until_message(message_id, "done")
        assert agents.shown(message_id) == 1
    answers = [item["body"] for item in agents.roost.call("inbox", name="operator") if not item["notice"]]
    assert answers == ["busy", "plain", "waits"]
