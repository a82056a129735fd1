"""What real agents ask a person, answered from the command line, by the door that each program has."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.fake_model import FakeModel
from tests.integration.test_daemon_questions import question_of
from tests.support.codex_server import codex_server
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import NeverHappenedError, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]


@pytest.fixture
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param) as made:
        made.add("a", request.param)
        yield made


def asks(roost: Roost, file: str) -> str:
    """Have the agent ask whether it may make a file; the id of the message."""
    return str(roost.send("a", f"@@bash touch {file}@@\n@@silent@@")["id"])


def adopted(roost: Roost, times: int) -> None:
    """Wait until the new daemon has taken the session over."""
    wait_until(lambda: len(roost.events("a", "adopted")) == times, timeout=PATIENCE, why="it is taken over")
    roost.until_state("a", "blocked")


def allow_by_key(roost: Roost) -> None:
    """As a person does. Claude Code 2.1.332 passes over a key in the first moments of a dialog."""
    roost.until_screen("a", "Do you want to proceed?")

    def gone() -> bool:
        return "Do you want to proceed?" not in roost.screen("a")

    for _ in range(5):
        roost.keys("a", "1")
        with contextlib.suppress(NeverHappenedError):
            wait_until(gone, timeout=2.0, why="the dialog takes the key")
            return


def made(agents: Agents, file: str) -> bool:
    return Path(agents.roost.home.work, "a", file).exists()


@pytest.mark.parametrize("agents", ["claude-acp", "opencode-acp", "opencode"], indirect=True)
def test_a_permission_is_allowed_and_denied_by_the_programs_api(agents: Agents) -> None:
    roost = agents.roost
    sent = asks(roost, "yes")
    question = question_of(roost, "a")
    assert "touch yes" in question["text"]
    assert question["source"] == "api"
    kinds = [option["kind"] for option in question["options"]]
    assert {"allow_once", "reject_once"} <= set(kinds)
    allow = question["options"][kinds.index("allow_once")]["id"]
    assert not made(agents, "yes")
    assert roost.cli("answer", question["id"], allow).returncode == 0
    roost.until_message(sent, "done")
    assert made(agents, "yes")
    asks(roost, "no")
    question = question_of(roost, "a")
    denied = roost.cli("deny", question["id"])
    assert denied.returncode == 0, denied
    roost.until_state("a", "idle")
    assert not made(agents, "no")
    assert roost.cli("deny", question["id"]).returncode == 1
    assert roost.call("questions") == []


@pytest.mark.parametrize("agents", ["claude"], indirect=True)
def test_claude_codes_dialog_is_answered_by_its_hook_or_by_the_person_who_is_quicker(agents: Agents) -> None:
    roost = agents.roost
    sent = asks(roost, "yes")
    question = question_of(roost, "a")
    assert question["text"].startswith("Bash: touch yes")
    assert question["source"] == "hook"
    assert (question["tool"], question["command"]) == ("Bash", "touch yes")
    roost.until_screen("a", "Do you want to proceed?")  # held open, and the dialog is there all the same
    assert roost.cli("answer", question["id"], "allow").returncode == 0
    roost.until_message(sent, "done")
    assert made(agents, "yes")
    # Denied, with words for the agent: its turn goes on.
    sent = asks(roost, "no")
    denied = roost.cli("deny", question_of(roost, "a")["id"], "--message", "not on a Sunday")
    assert denied.returncode == 0, denied
    roost.until_message(sent, "done")
    assert not made(agents, "no")
    assert any("not on a Sunday" in result for result in agents.model.journal.all()[-1].results)
    # The person at the terminal is quicker.
    sent = asks(roost, "mine")
    question = question_of(roost, "a")
    allow_by_key(roost)
    roost.until_message(sent, "done")
    late = roost.cli("answer", question["id"], "allow")
    assert late.returncode == 1, late
    assert "asked no more" in late.stderr
    assert made(agents, "mine")
    # The daemon is killed while it holds the hook: nothing is refused, and the dialog is the person's.
    sent = asks(roost, "still")
    question_of(roost, "a")
    roost.until_screen("a", "Do you want to proceed?")
    roost.kill()
    roost.start()
    adopted(roost, 1)
    assert "Do you want to proceed?" in roost.screen("a")
    allow_by_key(roost)
    roost.until_message(sent, "done")
    assert made(agents, "still")
    assert roost.call("questions") == []
    # So is one that ends in order.
    sent = asks(roost, "calm")
    question_of(roost, "a")
    roost.until_screen("a", "Do you want to proceed?")
    roost.down(agents=False)
    roost.start()
    adopted(roost, 2)
    assert "hook error" not in roost.screen("a")
    allow_by_key(roost)
    roost.until_message(sent, "done")
    assert made(agents, "calm")


@pytest.mark.parametrize("agents", ["codex"], indirect=True)
def test_codexs_dialog_is_answered_by_its_key_while_that_very_dialog_shows(agents: Agents) -> None:
    roost = agents.roost
    sent = asks(roost, "yes")
    question = question_of(roost, "a")
    assert "touch yes" in question["text"]
    assert [(each["id"], each["kind"]) for each in question["options"]] == [
        ("y", "allow_once"),
        ("p", "allow_always"),
        ("esc", "reject_once"),
    ]
    assert roost.cli("answer", question["id"], "y").returncode == 0
    roost.until_message(sent, "done")
    assert made(agents, "yes")
    # The person is quicker, and the next dialog is another question.
    asks(roost, "mine")
    before = question_of(roost, "a")
    roost.keys("a", "y")
    wait_until(lambda: made(agents, "mine"), timeout=PATIENCE, why="the person has allowed it")
    wait_until(lambda: not roost.call("questions"), timeout=PATIENCE, why="it is asked no more")
    asks(roost, "no")
    question = question_of(roost, "a")
    late = roost.cli("answer", before["id"], "y")
    assert late.returncode == 1, late
    assert "asked no more" in late.stderr
    assert not made(agents, "no")
    assert roost.cli("deny", question["id"]).returncode == 0
    roost.until_state("a", "idle")
    assert not made(agents, "no")
    assert roost.call("questions") == []


def test_a_threads_approval_is_answered_by_its_server(home: Home) -> None:
    """Codex 0.171.0: a new connection numbers the request anew; it is the same question all the same."""
    with FakeModel() as model, codex_server(home, model) as server, roost_in(home) as roost:
        roost.add("a", "codex-thread", server=server.address)
        roost.until_state("a", "idle")
        sent = asks(roost, "yes")
        question = question_of(roost, "a")
        assert question["command"] == "touch yes"
        roost.kill()
        roost.start()
        roost.until_state("a", "blocked")
        assert question_of(roost, "a") == question
        assert roost.cli("answer", question["id"], "accept").returncode == 0
        roost.until_message(sent, "done")
        assert Path(home.work, "a", "yes").exists()
        sent = asks(roost, "no")
        assert roost.cli("deny", question_of(roost, "a")["id"]).returncode == 0
        roost.until_message(sent, "done", "dead-letter")
        assert not Path(home.work, "a", "no").exists()
        assert roost.call("questions") == []
