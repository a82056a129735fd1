"""The real CLIs through the real daemon: whole bodies, dialogs, conversations between agents."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.support.home import Home
from tests.support.real import (
    LONG,
    PATIENCE,
    Agents,
    agents_in,
    as_claude_gets_it,
    settled_agent,
    shared_agents,
)
from tests.support.wait import NeverHappenedError, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

NASTY = (
    "\"double\" 'single' $(touch /tmp/never) `id` ; rm -rf nothing | & > < $HOME ${x} #{pane_id} %H\n"
    "--leading-dashes -t -p\n"
    "emoji \N{OWL}\N{WAVING WHITE FLAG}\ufe0f\u200d\N{RAINBOW} and right-to-left שלום عربى mixed\n"
    "\ttab\there\n"
    "\n"
    "/quit\n"
    "!echo shell\n"
    "@word mentions @everybody\n"
    "trailing spaces   \n"
    "back\\slash and \\n \\\n"
)


def body_of(size: int) -> str:
    """A body of exactly `size` bytes, awkward all through, that ends in a backslash."""
    text = ("@@silent@@\n" + NASTY * (size // len(NASTY.encode()) + 1)).encode()[: size - 1]
    whole = text.decode("utf-8", "ignore")
    return whole + "x" * (size - 1 - len(whole.encode())) + "\\"


OF_THE_PROBE = pytest.mark.parametrize("shared", ["claude", "codex"], indirect=True)
"""What the probe of every program shows as well (test_real_probe), here with more awkward words."""


@pytest.fixture(scope="module", params=["claude", "codex", "gemini", "opencode"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, up=False, resume="always") as made:
        yield made


def arrive_whole(agents: Agents, runtime: str, *sizes: int) -> None:
    """Send bodies of these sizes to `a`, one after the other: each arrives whole, by one offer."""
    normal = as_claude_gets_it if runtime == "claude" else str
    for size in sizes:
        body = body_of(size)
        assert len(body.encode()) == size
        sent = agents.roost.send("a", body, wait="done", timeout=PATIENCE)
        assert agents.text(sent["id"]) == normal(agents.roost.pasted(sent["id"], body)), size
        outcomes = [attempt["outcome"] for attempt in agents.roost.message(sent["id"])["attempts"]]
        # On a slow machine evidence may be waited for in vain, then looked for; never is it pasted again.
        assert [each for each in outcomes if each != "unclear"] == ["offered", "accepted", "done"]


def test_P1_bodies_arrive_whole_at_the_demo_agent_at_boot_and_later(home: Home) -> None:
    with agents_in(home, "demo") as agents:
        agents.add("a", "demo")
        arrive_whole(agents, "demo", 100 * 1024, 607, 8 * 1024)
        assert agents.roost.session("a")["generation"] == 1


@pytest.mark.parametrize(
    "pair",
    [
        ("claude", "codex"),
        ("gemini", "opencode"),
    ],
)
def test_P13_two_agents_answer_each_other_by_mcp(home: Home, pair: tuple[str, str]) -> None:
    with agents_in(home, *pair) as agents:
        agents.add("a", pair[0])
        agents.add("b", pair[1])
        body = "@@send b @@reply @@silent@@@@@@\n@@reply told b@@"
        sent = agents.roost.send("a", body, wait="replied", timeout=PATIENCE)
        assert sent["reply"]["body"] == "told b"
        (asked,) = agents.roost.call("messages", name="b")
        agents.roost.until_message(asked["id"], "done")
        (answer,) = [one for one in agents.roost.call("messages", name="a") if one["from"] == "b"]
        agents.roost.until_message(answer["id"], "done")
        assert answer["reply_to"] == asked["id"]
        assert agents.roost.message(asked["id"])["replies"] == [answer["id"]]
        assert "@@silent@@" in agents.text(answer["id"])


@OF_THE_PROBE
def test_P1_awkward_bodies_arrive_whole_at_the_model_at_boot_and_later(agents: Agents) -> None:
    """Bodies of 100 KiB are those of the probe."""
    if agents.roost.row("a")["session"] is not None:
        agents.roost.call("remove", name="a", force=True)
        agents.add("a", agents.runtime, resume="always")
    arrive_whole(agents, agents.runtime, 8 * 1024, 607)
    assert agents.roost.session("a")["generation"] == 1


@OF_THE_PROBE
def test_P3_a_sleeping_agent_wakes_with_its_conversation(agents: Agents) -> None:
    first = agents.roost.send("a", "remember me", wait="done", timeout=PATIENCE)
    before, deaths = agents.roost.session("a"), len(agents.roost.deaths("a"))
    held = len(agents.arrived(first["id"]).user_texts)
    agents.roost.call("set", name="a", pairs=[["idle", "500ms"]])
    death = agents.roost.until_death("a", deaths + 1)
    assert death["cause"] == "idle-sleep"
    agents.roost.call("set", name="a", pairs=[["idle", "1h"]])
    second = agents.roost.send("a", "@@recall@@", wait="replied", timeout=PATIENCE)
    assert second["reply"]["body"] == str(held)
    texts = agents.arrived(second["id"]).user_texts
    assert [first["id"] in texts[-2], second["id"] in texts[-1]] == [True, True]
    after = agents.roost.session("a")
    assert (after["generation"], after["conversation"]) == (before["generation"] + 1, before["conversation"])


@OF_THE_PROBE
def test_a_delivery_never_answers_a_permission_dialog(agents: Agents) -> None:
    made = agents.roost.home.work / "made-by-the-agent"
    first = agents.roost.send("a", f"@@bash touch {made}@@")
    row = agents.roost.until_state("a", "blocked")
    assert "dialog is open" in row["why"]
    second = agents.roost.send("a", "after the dialog")
    agents.roost.until_message(second["id"], "queued")
    assert agents.roost.row("a")["state"] == "blocked"
    assert not made.exists()
    assert agents.roost.message(second["id"])["attempts"] == []
    allow(agents, "a")
    agents.roost.until_message(first["id"], "done")
    agents.roost.until_message(second["id"], "done")
    assert made.exists()
    assert agents.shown(second["id"]) == 1


def test_a_failed_turn_is_told_to_the_sender(agents: Agents) -> None:
    sent = agents.roost.send("a", "@@error 400@@")
    wait_until(
        lambda: any(
            attempt["outcome"] == "failed" and "400" in attempt["why"]
            for attempt in agents.roost.message(sent["id"])["attempts"]
        ),
        timeout=PATIENCE,
        why="the failure is in the message's story",
        describe=lambda: agents.roost.message(sent["id"]),
    )
    agents.roost.until_message(sent["id"], "done", "dead-letter")
    # Gemini CLI 0.61.0 takes a prompt that failed out of its conversation, so all of it is given again.
    shown = 1 if agents.runtime == "gemini" else 2
    assert agents.shown(sent["id"]) == shown, "the message, and the note that drives it again"
    assert agents.roost.ask("a", "next") == "echo: next"


def test_an_interrupted_turn_is_told_and_not_driven_again(agents: Agents) -> None:
    """Claude Code puts the prompt back into its input line: nothing is pasted onto it."""
    sent = agents.roost.send("a", f"@@delay {LONG}@@", wait="accepted", timeout=PATIENCE)
    agents.arrived(sent["id"])
    agents.roost.until_state("a", "working")
    if agents.runtime == "opencode":
        interrupt(agents, sent["id"])
    else:
        agents.roost.keys("a", "Escape")
    story = agents.roost.until_message(sent["id"], "done", "dead-letter")
    assert "interrupted" in story["why"]
    assert [attempt["outcome"] for attempt in story["attempts"]][:2] == ["offered", "accepted"]
    (told,) = wait_until(agents.notices, timeout=PATIENCE, why="the sender is told")
    assert (told["about"], told["outcome"]) == (sent["id"], "interrupted")


def interrupt(agents: Agents, message_id: str) -> None:
    """As a person does at OpenCode: it has to show the conversation, and asks once more for some seconds."""
    roost = agents.roost
    roost.until_screen("a", "esc interrupt")

    def over() -> bool:
        return roost.message(message_id)["state"] in ("done", "dead-letter")

    def pressed() -> bool:
        if "esc interrupt" in roost.screen("a"):
            roost.keys("a", "Escape")
        if "esc again to interrupt" in roost.screen("a"):
            roost.keys("a", "Escape")
        return over()

    wait_until(
        lambda: over() or pressed(), timeout=PATIENCE, why="it stops", describe=lambda: roost.screen("a")
    )


def allow(agents: Agents, name: str) -> None:
    """Say yes to the dialog as a person does: look, press, and press again while it still stands.

    Claude Code 2.1.328 ignores an Enter within 0.05 s of the dialog.
    """

    def gone() -> bool:
        return agents.roost.row(name)["state"] != "blocked"

    def pressed() -> bool:
        agents.roost.keys(name, "Enter")
        with contextlib.suppress(NeverHappenedError):
            wait_until(gone, timeout=1.0, why="the dialog goes away")
        return gone()

    wait_until(
        lambda: gone() or pressed(),
        timeout=PATIENCE,
        why="the dialog goes away",
        describe=lambda: agents.roost.screen(name),
    )
