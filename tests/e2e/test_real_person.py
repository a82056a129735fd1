"""A person at the terminal of a real CLI, beside roost: drafts, views, dialogs, a conversation by hand.

C3, C10, C14, P5. Each program is started once here, and its peer goes from test to test.
"""

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.runtimes.facts import INTERRUPTED
from tests.integration.test_daemon_questions import question_of
from tests.support import clis
from tests.support.daemon import Roost
from tests.support.pane import Pane
from tests.support.person import attached
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import NeverHappenedError, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(800)]


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always") as made:
        yield made


def until_why(agents: Agents, state: str, why: str, *, name: str = "a") -> None:
    row = agents.roost.row
    wait_until(
        lambda: row(name)["state"] == state and why in row(name)["why"],
        timeout=PATIENCE,
        why=f"{state}: {why}",
        describe=lambda: (row(name), agents.roost.screen(name)),
    )


def notices(agents: Agents) -> list[tuple[str, str]]:
    return [(notice["outcome"], notice["why"]) for notice in agents.notices()]


def test_a_draft_holds_a_message_back_until_it_is_gone(agents: Agents) -> None:
    roost = agents.roost
    with attached(roost, "a") as person:
        os.write(person, b"half a thought")
        wait_until(lambda: "half a thought" in roost.screen("a"), timeout=PATIENCE, why="the draft shows")
        sent = roost.send("a", "one line")
        wait_until(
            lambda: "a draft stands in its input line" in roost.row("a")["why"],
            timeout=PATIENCE,
            why="the reason is shown",
            describe=lambda: (roost.row("a")["why"], roost.message(sent["id"])["why"]),
        )
        assert "half a thought" in roost.screen("a")
        assert agents.shown(sent["id"]) == 0
        os.write(person, b"\x7f" * len("half a thought"))
        roost.until_message(sent["id"], "done")
    assert "half a thought" not in agents.text(sent["id"])
    assert agents.shown(sent["id"]) == 1


@pytest.mark.parametrize("lines", [1, 30], ids=["shown", "collapsed"])
def test_somebody_who_presses_a_key_now_and_then_does_not_keep_a_message_from_its_enter(
    agents: Agents, lines: int
) -> None:
    """What stands in the input line is known to be ours, in full or as the one placeholder of our paste."""
    roost = agents.roost
    with attached(roost, "a"):
        sent = roost.send("a", "a line\n" * lines, wait="done", timeout=PATIENCE)
    assert agents.shown(sent["id"]) == 1


def test_C14_another_view_is_told_as_such_and_holds_messages_back_while_somebody_looks_at_it(
    agents: Agents,
) -> None:
    roost = agents.roost
    roost.ask("a", "something to show")
    with attached(roost, "a", 120, 40) as person:
        os.write(person, {"claude": b"\x0f", "codex": b"\x1b[D"}[agents.runtime])  # Ctrl-O, arrow left
        until_why(agents, "blocked", "another view is open in its terminal")
        sent = roost.send("a", "one line")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        ((outcome, why),) = notices(agents)
        assert (outcome, "another view is open" in why) == ("blocked", True)
        assert roost.message(sent["id"])["state"] == "queued"
    # Nobody looks at it any more, and a message waits: it is left.
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1
    assert len(notices(agents)) == 1


def test_C14_a_terminal_of_a_few_columns_is_told_as_such_and_its_size_comes_back(agents: Agents) -> None:
    roost = agents.roost
    with attached(roost, "a", 12, 3):
        until_why(agents, "unknown", "its terminal is 12 columns wide")
        sent = roost.send("a", "one line")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        assert "draft" not in str(roost.message(sent["id"]))
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1


@pytest.mark.parametrize(
    ("shared", "columns", "rows"), [("codex", 5, 24), ("codex", 2, 1), ("claude", 2, 1)], indirect=["shared"]
)
def test_C14_what_a_program_drew_in_even_fewer_columns_is_no_prompt(
    agents: Agents, columns: int, rows: int
) -> None:
    roost = agents.roost
    with attached(roost, "a", columns, rows):
        until_why(agents, "unknown", f"its terminal is {columns} columns wide")
        sent = roost.send("a", "one line")
        assert "draft" not in str(roost.message(sent["id"]))
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
def test_F3_a_mode_of_tmux_that_somebody_left_on_holds_nothing_up(agents: Agents) -> None:
    """It is tmux's own, whatever the program."""
    roost = agents.roost
    with attached(roost, "a", 120, 40):
        roost.tmux("a", "copy-mode", "-t", ":")
        until_why(agents, "blocked", "tmux's copy-mode is open in its terminal")
        sent = roost.send("a", "one line")
        wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
        assert agents.shown(sent["id"]) == 0
    roost.until_message(sent["id"], "done")
    assert agents.shown(sent["id"]) == 1


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


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
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


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
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
    sent = asks(roost, "no")
    question = question_of(roost, "a")
    late = roost.cli("answer", before["id"], "y")
    assert late.returncode == 1, late
    assert "asked no more" in late.stderr
    assert not made(agents, "no")
    assert roost.cli("deny", question["id"]).returncode == 0
    assert "denied by operator, which ended the turn" in roost.until_message(sent, "dead-letter")["why"]
    roost.until_state("a", "idle")
    assert not made(agents, "no")
    assert roost.call("questions") == []


def test_N2_a_turn_that_a_person_ends_just_before_a_stop_is_not_driven_again(agents: Agents) -> None:
    """Claude Code 2.1.328 writes nothing of it, and puts the prompt back into the input line."""
    roost = agents.roost
    agents.wake("a")
    sent = roost.send("a", f"@@delay {LONG}@@", wait="accepted", timeout=PATIENCE)["id"]
    agents.arrived(sent)
    until_why(agents, "working", "in a turn")
    roost.keys("a", "Escape")
    wait_until(
        lambda: roost.row("a")["state"] == "idle",
        timeout=PATIENCE,
        why="it is at its prompt again",
        describe=lambda: roost.screen("a"),
    )
    roost.call("stop", name="a")
    story = roost.message(sent)
    assert (story["state"], story["why"].partition(";")[0]) == ("dead-letter", INTERRUPTED)
    roost.call("start", name="a")


def by_hand(agents: Agents, runtime: str, conversation: str) -> Pane:
    """The CLI on a conversation, as a person starts it in the peer's folder."""
    given = agents.settings[runtime]
    environ = {name.removeprefix("env."): value for name, value in given.items() if name.startswith("env.")}
    program = str(clis.require(runtime).path)
    argv = {
        "claude": [program, "--resume", conversation],
        "codex": [program, "resume", conversation, "--no-daemon", "--disable", "plugins"],
    }[runtime]
    own = {name: value for name, value in agents.roost.environ.items() if name != "ROOST_HOME"}
    home = agents.roost.home
    pane = Pane(home.root, argv, environ={**own, **environ}, directory=home.work / "a")
    # Codex 0.169.0 takes its lock only when it shows what was said.
    pane.wait_for("end of roost message")
    return pane


def test_P5_a_conversation_that_a_person_has_open_is_waited_for(agents: Agents) -> None:
    runtime = agents.runtime
    roost = agents.roost
    assert roost.ask("a", "one") == "echo: one"
    conversation = roost.session("a")["conversation"]
    assert roost.call("show", name="a")["held_by"] is None
    roost.call("stop", name="a")
    roost.call("start", name="a")
    with by_hand(agents, runtime, conversation) as pane:
        # Claude Code 2.1.332 shows what was said before it writes down that it has the conversation open.
        wait_until(
            lambda: roost.call("show", name="a")["held_by"],
            timeout=PATIENCE,
            why="the conversation is known to be open",
        )
        sent = roost.send("a", "two")
        row = roost.until_state("a", "blocked")
        assert "not started by roost" in row["why"]
        assert runtime in row["why"]
        assert row["session"]["agent_pid"] is None
        assert roost.message(sent["id"])["state"] == "queued"
        pane.kill()
        roost.until_message(sent["id"], "done")
    assert roost.session("a")["conversation"] == conversation
    assert agents.shown(sent["id"]) == 1
    assert not any(death["counted"] for death in roost.deaths("a"))


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
def test_C10_who_gave_a_task_hears_that_its_worker_waits_for_a_person(agents: Agents) -> None:
    roost = agents.roost
    agents.add("b", "codex", wake="ephemeral", quiet="1s")
    sent = roost.send("b", "@@bash touch /tmp/never@@")
    until_why(agents, "blocked", "a dialog is open", name="b")
    wait_until(lambda: notices(agents), timeout=PATIENCE, why="the sender hears of it")
    ((outcome, why),) = notices(agents)
    assert (outcome, "a dialog is open" in why) == ("blocked", True)
    roost.call("set", name="b", pairs=[["silence", "1s"]])
    since = dt.datetime.now(dt.UTC)
    wait_until(lambda: _older(since, 3.0), timeout=PATIENCE, why="more time has passed than it may be silent")
    assert (roost.row("b")["state"], roost.deaths("b")) == ("blocked", [])
    roost.keys("b", "Escape")
    roost.until_message(sent["id"], "dead-letter", "done")


def _older(since: dt.datetime, seconds: float) -> bool:
    """Whether so much time has passed since then."""
    return (dt.datetime.now(dt.UTC) - since).total_seconds() > seconds
