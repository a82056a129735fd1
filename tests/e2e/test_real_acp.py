"""Real agents that speak ACP, through the real daemon, talking to the fake model (N4, P1, P4, N8)."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from tests.e2e.test_real_delivery import body_of
from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
LOADS = {"claude-acp": True, "opencode-acp": True, "gemini-acp": False}


@pytest.fixture(params=LOADS)
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param) as made:
        made.add("a", request.param)
        yield made


def leave(agents: Agents) -> list[psutil.Process]:
    """All processes of the peer's session below its client."""
    client = psutil.Process(agents.roost.session("a")["agent_pid"])
    return client.children(recursive=True)


def test_P1_P4_P5_messages_arrive_whole_once_and_in_order_and_no_permission_is_answered_by_one(
    agents: Agents,
) -> None:
    roost = agents.roost
    for size in (100 * 1024, 607, 8 * 1024):
        body = body_of(size)
        sent = roost.send("a", body, wait="done", timeout=PATIENCE)
        assert agents.text(sent["id"]) == roost.pasted(sent["id"], body), size
        outcomes = [attempt["outcome"] for attempt in roost.message(sent["id"])["attempts"]]
        assert outcomes == ["offered", "accepted", "done"]
    both = [roost.send("a", f"@@delay 0.2@@\n@@silent@@\n{word}")["id"] for word in ("one", "two")]
    ended = [roost.until_message(each, "done") for each in both]
    assert ended[0]["done_at"] <= ended[1]["accepted_at"]
    asks = roost.send("a", "@@bash touch made@@\n@@silent@@")["id"]
    why = roost.until_state("a", "blocked")["why"]
    assert why.startswith("a dialog is open: "), why
    assert "touch made" in why, why
    waits = roost.send("a", "@@silent@@")["id"]
    roost.until_screen("a", "? ")
    assert roost.message(waits)["state"] == "queued"
    assert roost.row("a")["state"] == "blocked"
    roost.keys("a", "1", "Enter")
    for each in (asks, waits):
        roost.until_message(each, "done")
        assert agents.shown(each) == 1
    assert (agents.roost.home.work / "a" / "made").exists()
    assert roost.carried("a")[-4:] == [*both, asks, waits]
    tools = [tool for turn in roost.transcript("a")[1:-1] for tool in turn["tools"]]
    assert any("touch made" in f"{tool['name']} {tool['input']}" and not tool["failed"] for tool in tools)


def test_D1_N8_interrupted_and_killed_in_a_turn_and_so_is_the_daemon(agents: Agents) -> None:
    roost, loads = agents.roost, LOADS[agents.runtime]
    first = roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"]
    cut = roost.send("a", "@@delay 100@@")["id"]
    agents.arrived(cut)
    roost.call("interrupt", name="a")
    assert "as the operator asked" in roost.until_message(cut, "dead-letter")["why"]
    # A prompt without an answer goes to the model once more with the next one, which may answer it first.
    roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)
    before, tree = roost.session("a"), leave(agents)
    sent = roost.send("a", "@@delay 3@@\n@@silent@@\nthe body")["id"]
    agents.arrived(sent)
    roost.kill()
    os.kill(psutil.Process(before["agent_pid"]).children()[0].pid, signal.SIGKILL)
    roost.start()
    roost.until_death("a")
    roost.until_message(sent, "done")
    wait_until(
        lambda: not [each for each in tree if each.is_running() and each.status() != psutil.STATUS_ZOMBIE],
        timeout=PATIENCE,
        why="nothing of the killed session is left",
    )
    after = roost.session("a")
    assert (after["conversation"] == before["conversation"]) == loads
    held = agents.model.journal.all()[-1].user_texts
    assert any(f"[roost message {first} from " in text for text in held) == loads
    if not loads:
        assert "a fresh conversation begins" in roost.screen("a")
        assert any("the body" in text for text in held), "it was given again whole"


def test_P13_it_answers_another_agent_by_mcp(agents: Agents) -> None:
    agents.add("b", "demo-acp")
    sent = agents.roost.send("b", "@@silent@@\n@@send a @@reply told@@@@")["id"]
    agents.roost.until_message(sent, "done")
    if agents.runtime == "gemini-acp":  # Gemini CLI 0.61.0 asks before each tool of a server that it is given
        agents.roost.until_state("a", "blocked")
        agents.roost.keys("a", "1", "Enter")
    wait_until(
        lambda: [each for each in agents.roost.call("messages", name="b") if each["from"] == "a"],
        timeout=PATIENCE,
        why="its reply comes",
    )
