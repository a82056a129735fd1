"""What goes on in and around the turns of real programs: bodies, dialogs, failures, interrupts, urgent words.

A start of a program is what costs most: each is started once here, and its peer goes from test to test.
"""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.test_real_delivery import arrive_whole
from tests.support.daemon import signal_pid
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import NeverHappenedError, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(960)]

ASKED = "the turn was interrupted as the operator asked"

KEEPS = {
    "claude": f"@@silent@@\n@@delay {LONG}@@",
    "opencode": f"@@silent@@\n@@delay {LONG}@@",
    "codex": (
        "@@silent@@\n@@tool exec_command "
        '{"cmd": "until test -e go; do sleep 0.1; done", "yield_time_ms": 30000}@@'
    ),
}
"""A turn that takes nothing in until it ends, or until its tool has: what is entered waits meanwhile."""
OF_THE_PROBE = pytest.mark.parametrize("shared", ["claude", "codex"], indirect=True)
"""What the probe of every program shows as well (test_real_probe), here with more awkward words."""


@pytest.fixture(scope="module", params=["claude", "codex", "opencode"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
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


@OF_THE_PROBE
def test_P1_awkward_bodies_arrive_whole_at_the_model_at_boot_and_later(asleep: Agents) -> None:
    """Bodies of 100 KiB are those of the probe."""
    assert asleep.roost.row("a")["session"] is None
    arrive_whole(asleep, asleep.runtime, 8 * 1024, 607)
    assert asleep.roost.session("a")["generation"] == 1


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


def failed_turn(agents: Agents, *, shown: int) -> None:
    """It is told, and the model is shown the message so often: itself, and the note that drives it again."""
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
    assert agents.shown(sent["id"]) == shown
    assert agents.roost.ask("a", "next") == "echo: next"


def test_an_interrupted_turn_is_told_and_not_driven_again(agents: Agents) -> None:
    """Claude Code puts the prompt back into its input line: nothing is pasted onto it."""
    interrupted_turn(agents)


def interrupted_turn(agents: Agents) -> None:
    """A person presses Escape."""
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
    assert agents.roost.ask("a", "next") == "echo: next"


def interrupt(agents: Agents, message_id: str) -> None:
    """As a person does at OpenCode: it has to show the conversation, and asks once more for some seconds."""
    roost = agents.roost
    roost.until_screen("a", "esc interrupt")

    def over() -> bool:
        return roost.message(message_id)["state"] in ("done", "dead-letter")

    def pressed() -> bool:
        if "esc again to interrupt" in roost.screen("a"):
            roost.keys("a", "Escape")
            with contextlib.suppress(NeverHappenedError):  # one more key would end the next turn
                wait_until(over, timeout=5.0, why="it stops")
        elif "esc interrupt" in roost.screen("a"):
            roost.keys("a", "Escape")
        return over()

    wait_until(
        lambda: over() or pressed(), timeout=PATIENCE, why="it stops", describe=lambda: roost.screen("a")
    )


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
    name = staying.add("b", "codex") if staying.runtime == "codex" else "a"
    assert staying.roost.ask(name, "one") == "echo: one"
    session = staying.roost.session(name)["id"]
    assert staying.roost.call("compact", name=name)["done"]
    assert staying.roost.ask(name, "two") == "echo: two"
    busy = staying.roost.send(name, "@@delay 2@@\n@@reply three@@", wait="accepted", timeout=PATIENCE)["id"]
    done = staying.roost.cli("compact", name)
    assert (done.returncode, done.stdout) == (0, f"{name}: its conversation was compacted\n"), done.stderr
    assert staying.roost.message(busy)["state"] == "done"
    assert len(staying.roost.events(name, "compacted")) == 2
    assert staying.roost.ask(name, "four") == "echo: four"
    assert staying.roost.session(name)["id"] == session


def test_P7_interrupt_of_an_idle_agent_touches_nothing(staying: Agents) -> None:
    """Neither what a person has typed and not entered nor what was said."""
    roost = staying.roost
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


def working(agents: Agents, body: str) -> str:
    """A message whose turn runs, and has been asked of the model."""
    sent = agents.roost.send("a", body)
    agents.arrived(sent["id"])
    agents.roost.until_state("a", "working")
    return sent["id"]


def pending(agents: Agents) -> tuple[str, str]:
    """A message in a turn that lasts until `let_go`, and an urgent one in the program's own queue."""
    first = working(agents, KEEPS[agents.runtime])
    second = agents.roost.send("a", "@@reply here@@", when="now")["id"]
    entered(agents, second)
    return first, second


def entered(agents: Agents, message_id: str) -> None:
    """Wait until the program has it in its own queue."""
    wait_until(
        lambda: "has not taken it yet" in agents.roost.message(message_id)["why"],
        timeout=PATIENCE,
        why="it was entered",
        describe=lambda: agents.roost.message(message_id),
    )


def let_go(agents: Agents) -> None:
    """Have a turn that waits go on."""
    agents.model.delays.end()
    (agents.roost.home.work / "a/go").touch()


def replies(agents: Agents) -> dict[str, str]:
    """What was answered to which message."""
    return {each["reply_to"]: each["body"] for each in agents.roost.call("inbox", name="operator")}


def offers(agents: Agents, message_id: str) -> int:
    return [each["outcome"] for each in agents.roost.message(message_id)["attempts"]].count("offered")


def test_an_urgent_message_joins_the_running_turn_and_each_is_answered(agents: Agents) -> None:
    first = working(agents, f"@@delay {LONG}@@\n@@reply of the first@@")
    second = agents.roost.send("a", "@@reply of the second@@", when="now")["id"]
    wait_until(
        lambda: (
            "has not taken it yet" in agents.roost.message(second)["why"]
            or agents.roost.message(second)["accepted_at"]
        ),
        timeout=PATIENCE,
        why="the turn has it, or its program's own queue",
        describe=lambda: agents.roost.message(second),
    )
    let_go(agents)
    ends = [agents.roost.until_message(each, "done")["done_at"] for each in (first, second)]
    assert ends[0] == ends[1], "one turn"
    assert replies(agents)[first] == "of the first"
    assert [agents.shown(each) for each in (first, second)] == [1, 1]
    assert [offers(agents, each) for each in (first, second)] == [1, 1]
    texts = agents.arrived(second).user_texts
    assert [first in texts[-2], second in texts[-1]] == [True, True], "the model has both"


def test_N8_a_daemon_killed_before_the_turn_takes_the_message_finds_it(agents: Agents) -> None:
    first, second = pending(agents)
    agents.roost.kill()
    agents.roost.start()
    let_go(agents)
    for each in (first, second):
        agents.roost.until_message(each, "done")
        assert agents.shown(each) == 1
    assert offers(agents, second) == 1


def test_P7_an_interrupt_ends_the_turn_and_what_it_did_not_take_begins_the_next(agents: Agents) -> None:
    first, second = pending(agents)
    assert agents.roost.cli("interrupt", "a").returncode == 0
    agents.roost.until_message(second, "done")
    assert "interrupted" in agents.roost.message(first)["why"]
    assert agents.roost.message(first)["state"] == "dead-letter"
    assert agents.shown(second) == 1
    assert offers(agents, second) == 1


def test_N2_a_death_takes_the_programs_queue_with_it_and_nothing_is_lost_or_doubled(agents: Agents) -> None:
    first, second = pending(agents)
    signal_pid(agents.roost.session("a")["agent_pid"], signal.SIGKILL)
    let_go(agents)
    agents.roost.until_message(first, "done")
    agents.roost.until_message(second, "done")
    assert agents.shown(first) == 2, "the message, and the note that drives it again"
    # OpenCode keeps what waits in the conversation: the note of the first one may take it along.
    assert agents.shown(second) in ((1, 2) if agents.runtime == "opencode" else (1,))
    assert replies(agents)[second] == "here"
