"""A person changes a conversation of the real Claude Code under us: the cousins of C2 and C8.

One peer goes through all of it: each test finds it at rest, and ends with its start in what came of the act.
"""

from collections.abc import Iterator

import pytest

from roost.core.messages.envelope import unwrapped
from tests.support.changed import done, ended_in_a_turn, goes_on, pressed, restarted, said, shows, typed
from tests.support.real import PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(720)]


@pytest.fixture(scope="module")
def shared() -> Iterator[Agents]:
    with shared_agents("claude") as made:
        yield made


@pytest.fixture
def claude(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always", restarts="9") as made:
        yield made


def conversation(agents: Agents) -> str:
    return agents.roost.session("a")["conversation"]


def until_another(agents: Agents, than: str) -> str:
    """The conversation that the session turns out to run, which is another one."""
    wait_until(lambda: conversation(agents) != than, timeout=PATIENCE, why="another conversation is known")
    return conversation(agents)


def test_C8_claude_a_conversation_that_a_person_begins_is_followed_and_resumed(claude: Agents) -> None:
    claude.roost.ask("a", "one", topic="before")
    first = conversation(claude)
    typed(claude, "/clear")
    second = until_another(claude, first)
    done(claude, "@@silent@@")
    assert claude.roost.call("show", name="a")["topics"] == []
    assert restarted(claude)["conversation"] == second
    done(claude, "three")
    (usage,) = claude.roost.call("usage")
    assert (usage["whole"], usage["why"]) == (True, "")
    assert usage["given"] > 0
    assert usage["written"] > 0


def test_C8_claude_a_branch_is_followed_and_goes_on_after_a_crash(claude: Agents) -> None:
    claude.roost.ask("a", "one", topic="branched")
    first = conversation(claude)
    typed(claude, "/branch")
    second = until_another(claude, first)
    done(claude, "@@silent@@")
    assert "branched" in claude.roost.call("show", name="a")["topics"]
    (usage,) = claude.roost.call("usage")
    assert (usage["whole"], usage["why"]) == (True, "")
    sent, story = ended_in_a_turn(claude)
    goes_on(claude, second, story, sent)


def test_C8_claude_the_conversation_of_the_resume_picker_is_followed(claude: Agents) -> None:
    """The next test begins in it, and goes on with it after a crash."""
    claude.roost.ask("a", "one", topic="first")
    first = conversation(claude)
    typed(claude, "/clear")
    second = until_another(claude, first)
    claude.roost.ask("a", "two", topic="second")
    typed(claude, "/resume")
    shows(claude, " ago ")
    claude.roost.keys("a", "Enter")
    assert until_another(claude, second) == first
    done(claude, "@@silent@@")
    topics = claude.roost.call("show", name="a")["topics"]
    assert ("first" in topics, "second" in topics) == (True, False)
    assert conversation(claude) == first


def test_C2_claude_goes_on_in_the_same_transcript_when_an_earlier_message_is_edited(claude: Agents) -> None:
    done(claude, "one")
    said(claude, "mine")
    known = conversation(claude)
    typed(claude, "/rewind")
    shows(claude, "Restore the code and/or conversation")
    pressed(claude, "Up", "❯ mine")
    claude.roost.keys("a", "Enter")
    shows(claude, "Restore conversation")
    claude.roost.keys("a", "Enter")
    wait_until(
        lambda: "Restore conversation" not in claude.roost.screen("a"), timeout=PATIENCE, why="it is restored"
    )
    claude.roost.keys("a", "-l", " edited")
    shows(claude, "mine edited")
    claude.roost.keys("a", "Enter")
    shows(claude, "echo: mine edited")
    done(claude, "two")
    done(claude, "@@silent@@")
    assert conversation(claude) == known
    sent, story = ended_in_a_turn(claude)
    goes_on(claude, known, story, sent)


def test_C2_claude_a_transcript_that_moves_to_another_folder_is_followed(claude: Agents) -> None:
    """2.1.332: `/cd` moves the transcript into the folder of the other directory."""
    done(claude, "one")
    known = conversation(claude)
    other = claude.roost.home.work / "b"
    other.mkdir()
    typed(claude, f"/cd {other}")
    shows(claude, "Moved to")
    done(claude, "two")
    told = [unwrapped(turn["text"]) for turn in claude.roost.transcript("a") if turn.get("message")]
    assert told[-2:] == ["one", "two"]
    done(claude, "@@silent@@")
    sent, story = ended_in_a_turn(claude)
    goes_on(claude, known, story, sent)
