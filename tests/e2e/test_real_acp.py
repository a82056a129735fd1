"""Real agents that speak ACP, through the real daemon, talking to the fake model (N4, P1, P4, N8).

Each program is started once here, and its peer goes from test to test.
"""

import os
import signal
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.e2e.test_real_delivery import body_of
from tests.integration.test_daemon_questions import question_of
from tests.support.daemon import Record
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]


@pytest.fixture(scope="module", params=["claude-acp", "opencode-acp", "gemini-acp"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, up=False, resume="always", restarts="9") as made:
        yield made


def leave(agents: Agents) -> list[psutil.Process]:
    """All processes of the peer's session below its client."""
    client = psutil.Process(agents.roost.session("a")["agent_pid"])
    return client.children(recursive=True)


@pytest.mark.parametrize("shared", ["claude-acp"], indirect=True)
def test_P1_P4_P5_messages_arrive_once_and_in_order_and_no_permission_is_answered_by_one(
    agents: Agents,
) -> None:
    """The probe shows the same of each of them, and that bodies of all sizes are whole (test_real_probe)."""
    roost = agents.roost
    body = body_of(8 * 1024)
    sent = roost.send("a", body, wait="done", timeout=PATIENCE)
    assert agents.text(sent["id"]) == roost.pasted(sent["id"], body)
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


@pytest.mark.parametrize("shared", ["claude-acp", "opencode-acp"], indirect=True)
def test_a_permission_is_allowed_and_denied_by_the_programs_api(agents: Agents) -> None:
    allowed_and_denied(agents)


def allowed_and_denied(agents: Agents) -> None:
    """What it asks by its API is answered from the command line, and done or not."""
    roost, folder = agents.roost, agents.roost.home.work / "a"
    sent = roost.send("a", "@@bash touch yes@@\n@@silent@@")["id"]
    question = question_of(roost, "a")
    assert "touch yes" in question["text"]
    assert question["source"] == "api"
    kinds = [option["kind"] for option in question["options"]]
    assert {"allow_once", "reject_once"} <= set(kinds)
    allow = question["options"][kinds.index("allow_once")]["id"]
    assert not (folder / "yes").exists()
    assert roost.cli("answer", question["id"], allow).returncode == 0
    roost.until_message(sent, "done")
    assert (folder / "yes").exists()
    roost.send("a", "@@bash touch no@@\n@@silent@@")
    question = question_of(roost, "a")
    denied = roost.cli("deny", question["id"])
    assert denied.returncode == 0, denied
    roost.until_state("a", "idle")
    assert not (folder / "no").exists()
    assert roost.cli("deny", question["id"]).returncode == 1
    assert roost.call("questions") == []


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


@pytest.mark.parametrize("shared", ["gemini-acp"], indirect=True)
def test_D1_N8_a_conversation_that_cannot_be_loaded_is_followed_by_a_fresh_one_aloud(agents: Agents) -> None:
    before, first, held = killed_in_a_turn(agents, emptied)
    assert agents.roost.session("a")["conversation"] != before["conversation"]
    assert "a fresh conversation begins" in agents.roost.screen("a")
    assert not any(f"[roost message {first} from " in text for text in held)
    assert any("the body" in text for text in held), "it was given again whole"


@pytest.mark.parametrize("shared", ["claude-acp"], indirect=True)
def test_D1_N8_interrupted_and_killed_in_a_turn_and_so_is_the_daemon(agents: Agents) -> None:
    """OpenCode's conversation outlives a kill in a turn in the probe (test_real_probe).

    Gemini CLI 0.61.0 loads a conversation once, and not always: see the test above.
    """
    before, first, held = killed_in_a_turn(agents)
    assert agents.roost.session("a")["conversation"] == before["conversation"]
    assert any(f"[roost message {first} from " in text for text in held), "its history goes on"


def killed_in_a_turn(
    agents: Agents, meanwhile: Callable[[Agents, str], None] = lambda *_: None
) -> tuple[Record, str, list[str]]:
    """The daemon and the agent are killed in a turn, then the daemon starts again and the turn is done.

    `meanwhile` gets the conversation while neither lives. Returns the killed session, the first message of
    its conversation, and what the model was given last.
    """
    roost, ended = agents.roost, len(agents.roost.deaths("a"))
    first = roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"]
    cut = roost.send("a", f"@@delay {LONG}@@")["id"]
    agents.arrived(cut)
    roost.call("interrupt", name="a")
    assert "as the operator asked" in roost.until_message(cut, "dead-letter")["why"]
    # A prompt without an answer goes to the model once more with the next one, which may answer it first.
    roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)
    before, tree = roost.session("a"), leave(agents)
    sent = roost.send("a", f"@@delay {LONG}@@\n@@silent@@\nthe body")["id"]
    agents.arrived(sent)
    roost.kill()
    os.kill(psutil.Process(before["agent_pid"]).children()[0].pid, signal.SIGKILL)
    agents.model.delays.end()
    meanwhile(agents, before["conversation"])
    roost.start()
    roost.until_death("a", ended + 1)
    roost.until_message(sent, "done")
    wait_until(
        lambda: not [each for each in tree if each.is_running() and each.status() != psutil.STATUS_ZOMBIE],
        timeout=PATIENCE,
        why="nothing of the killed session is left",
    )
    return before, first, agents.model.journal.all()[-1].user_texts


def emptied(agents: Agents, conversation: str) -> None:
    """Leave in Gemini CLI's record what a load in the minute in which it began leaves there."""
    (chat,) = agents.roost.home.user.glob(f".gemini/tmp/*/chats/session-*-{conversation[:8]}.jsonl")
    with chat.open("a") as file:
        file.write('{"$set": {"messages": []}}\n')
