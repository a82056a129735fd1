"""OpenCode by its API: its turns, deaths, restarts, a person at its terminal, with the fake model."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_real_acp import allowed_and_denied
from tests.support.daemon import signal_pid
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.real_turns import (
    a_and_b_answer_each_other,
    compacted,
    entered,
    failed_turn,
    found_by_the_next_daemon,
    interrupted_turn,
    interrupted_with_one_waiting,
    joined_by_an_urgent_one,
    untouched_at_rest,
    working,
)
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(960)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Agents]:
    with shared_agents("opencode") as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always", idle="1h") as made:
        yield made


def test_N8_a_turn_that_ends_while_no_daemon_runs_is_read_from_the_api(agents: Agents) -> None:
    sent = agents.roost.send("a", f"@@delay {LONG}@@\n@@silent@@", wait="accepted", timeout=PATIENCE)
    arrived = agents.arrived(sent["id"]).number
    session = agents.roost.session("a")
    agents.roost.kill()
    agents.model.delays.end()
    door = Path(agents.roost.places.session(session["id"])) / "opencode-door.json"
    assert door.stat().st_mode & 0o777 == 0o600
    wait_until(
        lambda: agents.model.journal.ended(arrived) is not None, timeout=PATIENCE, why="the turn goes on"
    )
    agents.roost.start()
    agents.roost.until_message(sent["id"], "done")
    assert agents.roost.session("a")["agent_pid"] == session["agent_pid"]
    assert agents.shown(sent["id"]) == 1
    assert agents.roost.ask("a", "and now") == "echo: and now"


def test_N2_N8_program_and_daemon_killed_together_the_store_tells_what_was_taken(agents: Agents) -> None:
    """It keeps what waits in the conversation: the note of the first may take the second along."""
    first = working(agents, f"@@delay {LONG}@@\n@@reply whole@@")
    second = agents.roost.send("a", "@@reply here@@", when="now")["id"]
    entered(agents, second)
    session = agents.roost.session("a")
    agents.roost.kill()
    signal_pid(session["agent_pid"], signal.SIGKILL)
    agents.model.delays.end()
    agents.roost.start()
    for each in (first, second):
        agents.roost.until_message(each, "done")
    assert agents.shown(first) == 2, "the message, and the note that drives it again"
    assert agents.shown(second) in (1, 2)
    answers = [mail["body"] for mail in agents.roost.call("inbox", name="operator") if not mail["notice"]]
    assert sorted(answer for answer in answers if "was cut off" not in answer) == ["here", "whole"]
    assert agents.roost.session("a")["conversation"] == session["conversation"]
    tools = [tool for turn in agents.roost.transcript("a")[1:-1] for tool in turn["tools"]]
    assert any("whole" in tool["input"] and "id" in tool["output"] for tool in tools), tools


def test_a_failed_turn_is_told_to_the_sender(agents: Agents) -> None:
    failed_turn(agents, shown=2)


def test_an_interrupted_turn_is_told_and_not_driven_again(agents: Agents) -> None:
    interrupted_turn(agents)


def test_P7_compact_is_done_when_its_record_says_so_and_messages_wait(agents: Agents) -> None:
    compacted(agents, "a")


def test_P7_interrupt_of_an_idle_agent_touches_nothing(agents: Agents) -> None:
    untouched_at_rest(agents)


def test_an_urgent_message_joins_the_running_turn_and_each_is_answered(agents: Agents) -> None:
    joined_by_an_urgent_one(agents)


def test_N8_a_daemon_killed_before_the_turn_takes_the_message_finds_it(agents: Agents) -> None:
    found_by_the_next_daemon(agents)


def test_P7_an_interrupt_ends_the_turn_and_what_it_did_not_take_begins_the_next(agents: Agents) -> None:
    interrupted_with_one_waiting(agents)


@pytest.mark.parametrize("way", ["a stop", "a signal"])
def test_N2_a_turn_that_it_breaks_off_as_it_is_ended_is_driven_again(agents: Agents, way: str) -> None:
    """1.18.33 writes the same then as at a person's Escape."""
    agents.wake("a")
    sent = agents.roost.send("a", f"@@delay {LONG}@@")["id"]
    agents.roost.until_message(sent, "accepted")
    agents.arrived(sent)
    if way == "a stop":
        agents.roost.call("stop", name="a")
        agents.roost.call("start", name="a")
    else:
        signal_pid(agents.roost.session("a")["agent_pid"], signal.SIGTERM)
    agents.roost.until_message(sent, "done")
    assert [step["outcome"] for step in agents.roost.message(sent)["attempts"]].count("cut") == 1
    notices = [one["notice"] for one in agents.roost.call("inbox", name="operator") if one["notice"]]
    assert [one["why"] for one in notices if one["about"] == sent and "driven again" not in one["why"]] == []


def test_a_draft_at_its_terminal_and_a_delivery_are_of_no_concern_to_each_other(agents: Agents) -> None:
    agents.wake("a")
    agents.roost.until_screen("a", "Context")
    agents.roost.keys("a", "-l", "a-draft-of-mine")
    agents.roost.until_screen("a", "a-draft-of-mine")
    sent = agents.roost.send("a", "beside it", wait="done", timeout=PATIENCE)
    assert "a-draft-of-mine" not in agents.text(sent["id"])
    agents.roost.until_screen("a", f"[roost message {sent['id']}")
    assert "a-draft-of-mine" in agents.roost.screen("a")
    agents.roost.keys("a", "Enter")
    mine = agents.model.journal.wait_for(
        lambda one: one.kind == "turn" and one.user_texts[-1] == "a-draft-of-mine", timeout=PATIENCE
    )
    assert sent["id"] not in mine.user_texts[-1]
    agents.roost.until_state("a", "idle")


def test_a_permission_is_allowed_and_denied_by_its_api(agents: Agents) -> None:
    allowed_and_denied(agents)


def test_P13_it_and_another_agent_answer_each_other_by_mcp(agents: Agents) -> None:
    agents.add("b", "demo")
    a_and_b_answer_each_other(agents)


def test_N4_a_failing_model_is_asked_again_by_the_program_and_the_state_says_so(agents: Agents) -> None:
    agents.model.outage.status = 429
    sent = agents.roost.send("a", "@@reply at last@@", wait="accepted", timeout=PATIENCE)["id"]
    wait_until(
        lambda: "its model fails and is asked again" in agents.roost.row("a")["why"],
        timeout=PATIENCE,
        why="the state says that the model fails",
    )
    assert agents.roost.row("a")["state"] == "working"
    agents.model.outage.status = None
    agents.roost.until_message(sent, "done")
    assert agents.shown(sent) == 1


def test_N4_a_refused_key_is_an_outage_and_the_message_is_driven_again(agents: Agents) -> None:
    agents.model.outage.status = 401
    sent = agents.roost.send("a", "@@reply at last@@")["id"]
    wait_until(
        lambda: any(step["outcome"] == "failed" for step in agents.roost.message(sent)["attempts"]),
        timeout=PATIENCE,
        why="the turn has failed",
    )
    assert "HTTP 401" in agents.roost.row("a")["why"]
    agents.model.outage.status = None
    agents.roost.until_message(sent, "done")


def test_another_conversation_at_its_terminal_gets_no_mail(agents: Agents) -> None:
    agents.roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)
    conversation = agents.roost.session("a")["conversation"]
    agents.roost.until_screen("a", "[roost message")
    agents.roost.keys("a", "C-x")
    agents.roost.keys("a", "n")
    agents.roost.until_screen("a", "Ask anything")
    agents.roost.keys("a", "-l", "in-another-one @@delay 5@@")
    agents.roost.keys("a", "Enter")
    agents.model.journal.wait_for(
        lambda one: one.kind == "turn" and "in-another-one" in one.user_texts[-1], timeout=PATIENCE
    )
    sent = agents.roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)
    assert not any("in-another-one" in text for text in agents.arrived(sent["id"]).user_texts)
    assert agents.roost.session("a")["conversation"] == conversation
