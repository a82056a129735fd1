"""`interrupt` and `compact` with the real CLIs against the fake model (P7)."""

from collections.abc import Iterator

import pytest

from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
ASKED = "the turn was interrupted as the operator asked"


@pytest.fixture(scope="module", params=["claude", "codex", "opencode"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    """One conversation through all tests, and one session of it: nothing here starts the program again."""
    with settled_agent(shared) as made:
        session = made.roost.session("a")["id"]
        yield made
        assert made.roost.session("a")["id"] == session


def interrupted_before_any_output(agents: Agents) -> None:
    """Its prompt, which it may put back into its input line, does not stand there as a draft."""
    sent = agents.roost.send(
        "a", f"@@delay {LONG}@@\n@@reply late@@\n" + "line\n" * 30, wait="accepted", timeout=PATIENCE
    )
    agents.arrived(sent["id"])
    assert agents.roost.call("interrupt", name="a")["done"]
    story = agents.roost.message(sent["id"])
    assert (story["state"], story["why"]) == ("dead-letter", ASKED)
    assert agents.roost.ask("a", "and now") == "echo: and now"
    assert agents.shown(sent["id"]) <= 1
    assert [(one["about"], one["outcome"]) for one in agents.notices()] == [(sent["id"], "interrupted")]


def test_P7_interrupt_before_any_output_leaves_an_empty_input_line(agents: Agents) -> None:
    """Claude Code 2.1.332 puts the prompt back as text."""
    interrupted_before_any_output(agents)


def test_P7_interrupt_before_any_output_of_a_claude_that_may_ask_nobody_for_its_features() -> None:
    """It puts the prompt back as the placeholder of a paste."""
    with shared_agents("claude") as made:
        made.settings["claude"]["env.CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"
        with settled_agent(made) as agents:
            interrupted_before_any_output(agents)


def test_P7_interrupt_answers_an_open_permission_dialog_with_no(agents: Agents) -> None:
    sent = agents.roost.send("a", "@@bash touch forbidden@@", wait="accepted", timeout=PATIENCE)
    agents.roost.until_state("a", "blocked")
    assert agents.roost.call("interrupt", name="a")["done"]
    assert agents.roost.message(sent["id"])["state"] == "dead-letter"
    assert not (agents.roost.home.work / "a" / "forbidden").exists()
    assert agents.roost.ask("a", "and now") == "echo: and now"


def test_P7_compact_is_done_when_its_record_says_so_and_messages_wait(agents: Agents) -> None:
    # Codex gives the model all earlier prompts once more, and with them what other tests told it to do.
    name = agents.add("b", "codex") if agents.runtime == "codex" else "a"
    assert agents.roost.ask(name, "one") == "echo: one"
    session = agents.roost.session(name)["id"]
    assert agents.roost.call("compact", name=name)["done"]
    assert agents.roost.ask(name, "two") == "echo: two"
    busy = agents.roost.send(name, "@@delay 2@@\n@@reply three@@", wait="accepted", timeout=PATIENCE)["id"]
    done = agents.roost.cli("compact", name)
    assert (done.returncode, done.stdout) == (0, f"{name}: its conversation was compacted\n"), done.stderr
    assert agents.roost.message(busy)["state"] == "done"
    assert len(agents.roost.events(name, "compacted")) == 2
    assert agents.roost.ask(name, "four") == "echo: four"
    assert agents.roost.session(name)["id"] == session


def test_P7_interrupt_of_an_idle_agent_touches_nothing(agents: Agents) -> None:
    """Neither what a person has typed and not entered nor what was said."""
    roost = agents.roost
    assert roost.ask("a", "one") == "echo: one"
    roost.until_state("a", "idle")
    roost.keys("a", "-l", "a-draft-of-mine")
    roost.until_screen("a", "a-draft-of-mine")
    before = roost.transcript("a")
    result = roost.call("interrupt", name="a")
    assert not result["done"]
    assert "nothing to interrupt" in result["note"]
    roost.keys("a", "-l", " as-it-was")  # what came in before this key has done its work once it shows
    roost.until_screen("a", " as-it-was")
    assert "a-draft-of-mine as-it-was" in roost.screen("a")
    assert roost.transcript("a") == before
    roost.keys("a", *(["BSpace"] * len("a-draft-of-mine as-it-was")))
    wait_until(lambda: "a-draft" not in roost.screen("a"), timeout=PATIENCE, why="it is taken away")
