"""Agents that speak ACP under a real daemon: messages, permissions, ends, resumes, by their own log."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.integration.test_daemon_delivery import body_of
from tests.support.daemon import Roost, alive, cleared, sha256, shared_roost, signal_pid
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


def agent_of(roost: Roost, name: str) -> int:
    """The process of the ACP agent, which is a child of the program in the peer's terminal."""
    client = psutil.Process(roost.session(name)["agent_pid"])
    (agent,) = wait_until(client.children, timeout=PATIENCE, why="the client has its agent")
    return agent.pid


def asked(roost: Roost, name: str) -> str:
    """What a blocked peer's agent asks, once it does."""
    return roost.until_state(name, "blocked")["why"]


def test_P1_P4_messages_arrive_whole_in_order_and_once_and_are_answered(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    for size in (607, 8 * 1024, 100 * 1024):
        body = body_of(size)
        sent = roost.send("a", body, wait="done", timeout=PATIENCE)
        (prompt,) = roost.prompts(sent["id"])
        assert prompt["sha256"] == sha256(roost.pasted(sent["id"], body)), prompt["text"][:200]
    ids = [roost.send("a", f"@@delay 0.1@@\nnumber {number}")["id"] for number in range(3)]
    for each in ids:
        assert roost.until_message(each, "done")["state"] == "done"
    assert [roost.prompts(each)[0]["text"].split("\n")[2] for each in ids] == [
        f"number {n}" for n in range(3)
    ]
    assert roost.ask("a", "hello") == "echo: hello"
    assert len(roost.happened("start")) == 1


def test_a_permission_blocks_with_its_text_and_no_delivery_answers_it(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    first = roost.send("a", "@@ask@@\nfirst")["id"]
    assert asked(roost, "a") == "a dialog is open: Do something that needs permission"
    second = roost.send("a", "second")["id"]
    roost.until_screen("a", "? Do something that needs permission")
    assert roost.call("show", name="a")["state"] == "blocked"
    assert roost.message(second)["state"] == "queued"
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open"]
    roost.keys("a", "1", "Enter")
    for each in (first, second):
        roost.until_message(each, "done")
        assert len(roost.prompts(each)) == 1
    assert [entry["text"] for entry in roost.happened("dialog")] == ["open", "allowed"]


def test_an_interrupt_ends_the_turn_and_the_next_message_goes_in(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    first = roost.send("a", "@@delay 600@@")["id"]
    roost.until_message(first, "accepted")
    assert roost.call("interrupt", name="a")["state"] != "refused"
    story = roost.until_message(first, "dead-letter")
    assert "interrupted" in story["why"], story
    assert roost.ask("a", "next") == "echo: next"
    assert [entry["text"] for entry in roost.happened("turn_end")] == ["interrupted", "done"]


def test_what_is_sent_for_now_waits_for_the_end_of_the_turn(roost: Roost) -> None:
    """ACP knows no prompt that joins a turn. A conversation is compacted by its agent's own command (P7)."""
    roost.add("a", "demo-acp")
    first = roost.send("a", "@@delay 600@@\n@@silent@@")["id"]
    roost.until_message(first, "accepted")
    now = roost.send("a", "@@silent@@", when="now")["id"]
    assert roost.message(now)["state"] == "queued"
    roost.call("interrupt", name="a")
    roost.until_message(first, "dead-letter")
    roost.until_message(now, "done")
    assert [each["what"] for each in roost.happened() if each["what"] in ("prompt", "turn_end")] == [
        *("prompt", "turn_end", "prompt", "turn_end")
    ]
    assert roost.call("compact", name="a")["done"]
    assert len(roost.happened("compact")) == 1


def test_a_person_may_type_and_a_message_does_not_touch_the_draft(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    assert roost.ask("a", "one") == "echo: one"
    roost.keys("a", "m", "i", "n", "e")
    wait_until(lambda: "acp> mine" in roost.screen("a"), timeout=PATIENCE, why="the draft shows")
    assert roost.ask("a", "two") == "echo: two"
    wait_until(lambda: "acp> mine" in roost.screen("a"), timeout=PATIENCE, why="the draft still stands")
    roost.keys("a", "Enter")
    wait_until(
        lambda: [each["text"] for each in roost.happened("prompt")][-1] == "mine",
        timeout=PATIENCE,
        why="sent",
    )


@pytest.mark.parametrize("victim", ["agent", "client"])
def test_D1_N7_killed_in_its_turn_it_resumes_with_what_the_conversation_holds(
    roost: Roost, victim: str
) -> None:
    roost.add("a", "demo-acp")
    assert roost.ask("a", "before") == "echo: before"
    sent = roost.send("a", "@@ask@@\n@@fork 1@@\n@@recall@@")["id"]
    asked(roost, "a")
    session = roost.session("a")
    tree = psutil.Process(session["agent_pid"]).children(recursive=True)
    signal_pid(agent_of(roost, "a") if victim == "agent" else session["agent_pid"], signal.SIGKILL)
    death = roost.until_death("a")
    assert death["signal"] == signal.SIGKILL
    asked(roost, "a")
    roost.keys("a", "1", "Enter")
    roost.until_message(sent, "done")
    assert roost.session("a")["conversation"] == session["conversation"]
    assert len(roost.prompts(sent)) == 2, "the message, and the note that its turn was cut off"
    assert "cut off" in roost.prompts(sent)[1]["text"]
    (reply,) = [each["body"] for each in roost.call("inbox", name="operator") if each["reply_to"] == sent]
    assert reply == "2", "it remembers both prompts before the note"
    assert not [each for each in tree if each.is_running() and alive(each.pid)]


def test_a_message_that_the_resumed_conversation_does_not_hold_is_given_again_whole(roost: Roost) -> None:
    """The agent is stopped before it reads the prompt, then killed: its conversation cannot hold it."""
    roost.add("a", "demo-acp")
    assert roost.ask("a", "before") == "echo: before"
    agent = agent_of(roost, "a")
    os.kill(agent, signal.SIGSTOP)
    sent = roost.send("a", "the body")["id"]
    roost.until_state("a", "working")
    os.kill(agent, signal.SIGKILL)
    roost.until_death("a")
    roost.until_message(sent, "done")
    (prompt,) = roost.prompts(sent)
    assert "\nthe body\n" in prompt["text"]
    assert "cut off" not in prompt["text"]


def test_a_conversation_that_cannot_be_loaded_is_told_of_and_holds_nothing(roost: Roost) -> None:
    roost.add("a", "demo-acp", args="--forgets")
    assert roost.ask("a", "before") == "echo: before"
    first = roost.session("a")
    sent = roost.send("a", "@@ask@@\nwhole again")["id"]
    asked(roost, "a")
    signal_pid(first["agent_pid"], signal.SIGKILL)
    roost.until_death("a")
    asked(roost, "a")
    roost.keys("a", "1", "Enter")
    roost.until_message(sent, "done")
    assert roost.session("a")["conversation"] != first["conversation"]
    assert "\nwhole again\n" in roost.prompts(sent)[-1]["text"]
    assert "a fresh conversation begins" in roost.screen("a")


def test_N8_a_daemon_that_is_killed_in_a_turn_finds_its_end(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    roost.add("b", "demo-acp")
    first = roost.send("a", "@@delay 0.5@@\nfirst")["id"]
    second = roost.send("b", "@@ask@@")["id"]
    roost.until_message(first, "accepted")
    asked(roost, "b")
    roost.kill()
    roost.start()
    third = roost.send("a", "third")["id"]
    for each in (first, third):
        roost.until_message(each, "done")
        assert len(roost.prompts(each)) == 1
    assert asked(roost, "b").endswith("needs permission")
    roost.keys("b", "2", "Enter")
    roost.until_message(second, "done")
    assert len(roost.happened("start")) == 2


def test_agents_write_to_each_other_by_the_tools_that_they_are_given(roost: Roost) -> None:
    roost.add("a", "demo-acp")
    roost.add("b", "demo-acp")
    roost.send("a", "@@silent@@\n@@send b over to you@@", wait="done", timeout=PATIENCE)
    wait_until(
        lambda: [each for each in roost.happened("prompt") if "\necho: over to you\n" in each["text"]],
        timeout=PATIENCE,
        why="the reply comes back",
    )


def test_an_agent_that_passes_its_trace_on_has_its_messages_in_it(roost: Roost) -> None:
    """`_meta.traceparent` of the prompt comes back in `_meta` of the tool that is called in its turn."""
    roost.add("a", "demo-acp")
    roost.add("mail", "human")
    task = roost.send("a", "@@silent@@\n@@send mail over to you@@", wait="done", timeout=PATIENCE)["id"]
    (sent,) = roost.call("messages", name="mail")
    turn = next(
        span for span in roost.call("message", id=task, trace=True)["spans"] if span["name"] == "process a"
    )
    root = roost.call("message", id=sent["id"], trace=True)["spans"][0]
    assert (root["trace_id"], root["parent_span_id"]) == (task, turn["span_id"])
