"""What goes on in and around the turns of real programs: bodies, dialogs, failures, interrupts, urgent words.

A start of a program is what costs most: each is started once here, and its peer goes from test to test.
"""

import base64
import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.test_real_delivery import arrive_whole
from tests.e2e.test_real_files import by_tool, told_once
from tests.support.daemon import signal_pid
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.real_turns import (
    a_and_b_answer_each_other,
    compacted,
    failed_turn,
    found_by_the_next_daemon,
    interrupted_turn,
    interrupted_with_one_waiting,
    joined_by_an_urgent_one,
    let_go,
    pending,
    replies,
    untouched_at_rest,
)
from tests.support.wait import NeverHappenedError, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(960)]

PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
"""Of one dot: Claude Code takes no file for a picture that holds none."""
ASKED = "the turn was interrupted as the operator asked"


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    """Beside Claude Code there is Codex for it to talk to, and it writes files without a question."""
    with shared_agents(*dict.fromkeys([request.param, "codex"])) as made:
        if made.runtime == "claude":
            made.settings["claude"]["args"] = "--allowedTools Write"
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always", idle="1h") as made:
        yield made


@pytest.fixture
def asleep(shared: Agents) -> Iterator[Agents]:
    """For the first test of all: its peer has not been started yet."""
    with settled_agent(shared, up=False, resume="always", idle="1h") as made:
        yield made


@pytest.fixture
def staying(agents: Agents) -> Iterator[Agents]:
    """Nothing in the test starts the program again."""
    session = agents.roost.session("a")["id"]
    yield agents
    assert agents.roost.session("a")["id"] == session, agents.roost.deaths("a")


def test_P1_awkward_bodies_arrive_whole_at_the_model_at_boot_and_later(asleep: Agents) -> None:
    """Bodies of 100 KiB are those of the probe."""
    assert asleep.roost.row("a")["session"] is None
    arrive_whole(asleep, asleep.runtime, 8 * 1024, 607)
    assert asleep.roost.session("a")["generation"] == 1


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
def test_P1_the_path_of_a_picture_stays_in_the_text(agents: Agents) -> None:
    """Claude Code 2.1.332 takes a line that is one out of what is pasted, and waits for its file."""
    folder = agents.roost.home.work / "a"
    picture, named, pipe = folder / "shot.png", folder / "two words.png", folder / "pipe.png"
    picture.write_bytes(PICTURE)
    named.write_bytes(PICTURE)
    os.mkfifo(pipe)
    lines = [
        picture,
        f"'{named}'",
        str(named).replace(" ", "\\ "),
        f"{picture} {picture}",
        pipe,
        picture.name,
    ]
    for body in (
        str(picture),
        *("\n".join(map(str, (*lines, *more))) for more in ([], range(40), [picture])),
    ):
        sent = agents.roost.send("a", body, wait="done", timeout=PATIENCE)
        assert agents.text(sent["id"]) == agents.roost.pasted(sent["id"], body)
        assert len(agents.roost.message(sent["id"])["attempts"]) == 3, "offered, accepted, done"


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
def test_P3_a_sleeping_agent_wakes_with_its_conversation(agents: Agents) -> None:
    """Claude Code goes on with its own after crashes and stops (test_real_trouble, test_real_transcripts)."""
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


def test_a_failed_turn_is_told_to_the_sender(agents: Agents) -> None:
    failed_turn(agents, shown=2)


def test_an_interrupted_turn_is_told_and_not_driven_again(agents: Agents) -> None:
    """Claude Code puts the prompt back into its input line: nothing is pasted onto it."""
    interrupted_turn(agents)


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
def test_P13_two_agents_answer_each_other_by_mcp(agents: Agents) -> None:
    """OpenCode and Gemini CLI do so with the demo agent, in sessions of their other tests."""
    agents.add("b", "codex")
    a_and_b_answer_each_other(agents)


def test_P7_interrupt_before_any_output_leaves_an_empty_input_line(staying: Agents) -> None:
    """Claude Code 2.1.332 puts the prompt back as text."""
    interrupted_before_any_output(staying, "a")


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
def test_P7_interrupt_before_any_output_of_a_claude_that_may_ask_nobody_for_its_features(
    agents: Agents,
) -> None:
    """It puts the prompt back as the placeholder of a paste."""
    agents.add("b", "claude", **{"env.CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"})
    agents.wake("b")
    interrupted_before_any_output(agents, "b")


def interrupted_before_any_output(agents: Agents, name: str) -> None:
    """Its prompt, which it may put back into its input line, does not stand there as a draft."""
    sent = agents.roost.send(
        name, f"@@delay {LONG}@@\n@@reply late@@\n" + "line\n" * 30, wait="accepted", timeout=PATIENCE
    )
    agents.arrived(sent["id"])
    assert agents.roost.call("interrupt", name=name)["done"]
    story = agents.roost.message(sent["id"])
    assert (story["state"], story["why"]) == ("dead-letter", ASKED)
    assert agents.roost.ask(name, "and now") == "echo: and now"
    assert agents.shown(sent["id"]) <= 1
    assert [(one["about"], one["outcome"]) for one in agents.notices()] == [(sent["id"], "interrupted")]


def test_P7_interrupt_answers_an_open_permission_dialog_with_no(staying: Agents) -> None:
    sent = staying.roost.send("a", "@@bash touch forbidden@@", wait="accepted", timeout=PATIENCE)
    staying.roost.until_state("a", "blocked")
    assert staying.roost.call("interrupt", name="a")["done"]
    assert staying.roost.message(sent["id"])["state"] == "dead-letter"
    assert not (staying.roost.home.work / "a" / "forbidden").exists()
    assert staying.roost.ask("a", "and now") == "echo: and now"


def test_P7_compact_is_done_when_its_record_says_so_and_messages_wait(staying: Agents) -> None:
    # Codex gives the model all earlier prompts once more, and with them what other tests told it to do.
    compacted(staying, staying.add("b", "codex") if staying.runtime == "codex" else "a")


def test_P7_interrupt_of_an_idle_agent_touches_nothing(staying: Agents) -> None:
    untouched_at_rest(staying)


def test_an_urgent_message_joins_the_running_turn_and_each_is_answered(agents: Agents) -> None:
    joined_by_an_urgent_one(agents)


def test_N8_a_daemon_killed_before_the_turn_takes_the_message_finds_it(agents: Agents) -> None:
    found_by_the_next_daemon(agents)


def test_P7_an_interrupt_ends_the_turn_and_what_it_did_not_take_begins_the_next(agents: Agents) -> None:
    interrupted_with_one_waiting(agents)


def test_N2_a_death_takes_the_programs_queue_with_it_and_nothing_is_lost_or_doubled(agents: Agents) -> None:
    first, second = pending(agents)
    signal_pid(agents.roost.session("a")["agent_pid"], signal.SIGKILL)
    let_go(agents)
    agents.roost.until_message(first, "done")
    agents.roost.until_message(second, "done")
    assert agents.shown(first) == 2, "the message, and the note that drives it again"
    assert agents.shown(second) == 1
    assert replies(agents)[second] == "here"


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
def test_17_a_file_that_it_and_another_write_is_told_once(agents: Agents) -> None:
    """The last test, as what it watches is told of for a while. Gemini CLI's tool is told of in its own."""
    told_once(agents, by_tool("Write"))
