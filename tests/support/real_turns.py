"""In and around a turn of a real program, for the tests of each: an act, and what has to come of it."""

import contextlib

from tests.support.real import LONG, PATIENCE, Agents
from tests.support.wait import NeverHappenedError, wait_until

KEEPS = {
    "claude": f"@@silent@@\n@@delay {LONG}@@",
    "opencode": f"@@silent@@\n@@delay {LONG}@@",
    "codex": (
        "@@silent@@\n@@tool exec_command "
        '{"cmd": "until test -e go; do sleep 0.1; done", "yield_time_ms": 30000}@@'
    ),
}
"""A turn that takes nothing in until it ends, or until its tool has: what is entered waits meanwhile."""


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


def compacted(agents: Agents, name: str) -> None:
    """At rest, and once its turn is over."""
    roost = agents.roost
    assert roost.ask(name, "one") == "echo: one"
    session = roost.session(name)["id"]
    assert roost.call("compact", name=name)["done"]
    assert roost.ask(name, "two") == "echo: two"
    busy = roost.send(name, "@@delay 2@@\n@@reply three@@", wait="accepted", timeout=PATIENCE)["id"]
    done = roost.cli("compact", name)
    assert (done.returncode, done.stdout) == (0, f"{name}: its conversation was compacted\n"), done.stderr
    assert roost.message(busy)["state"] == "done"
    assert len(roost.events(name, "compacted")) == 2
    assert roost.ask(name, "four") == "echo: four"
    assert roost.session(name)["id"] == session


def untouched_at_rest(agents: Agents) -> None:
    """An interrupt touches neither what a person has typed and not entered nor what was said."""
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


def joined_by_an_urgent_one(agents: Agents) -> None:
    """One turn, and each has its own answer."""
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


def found_by_the_next_daemon(agents: Agents) -> None:
    """A daemon is killed while an urgent message stands in the program's queue."""
    first, second = pending(agents)
    agents.roost.kill()
    agents.roost.start()
    let_go(agents)
    for each in (first, second):
        agents.roost.until_message(each, "done")
        assert agents.shown(each) == 1
    assert offers(agents, second) == 1


def interrupted_with_one_waiting(agents: Agents) -> None:
    """An interrupt ends the turn, and the urgent message begins the next."""
    first, second = pending(agents)
    assert agents.roost.cli("interrupt", "a").returncode == 0
    agents.roost.until_message(second, "done")
    assert "interrupted" in agents.roost.message(first)["why"]
    assert agents.roost.message(first)["state"] == "dead-letter"
    assert agents.shown(second) == 1
    assert offers(agents, second) == 1


def a_and_b_answer_each_other(agents: Agents) -> None:
    """`a` writes to `b`, answers whoever asked it to, and is given the answer of `b`."""
    body = "@@send b @@reply @@silent@@@@@@\n@@reply told b@@"
    sent = agents.roost.send("a", body, wait="replied", timeout=PATIENCE)
    assert sent["reply"]["body"] == "told b"
    (asked,) = [one for one in agents.roost.call("messages", name="b") if one["from"] == "a"]
    agents.roost.until_message(asked["id"], "done")
    (answer,) = [one for one in agents.roost.call("messages", name="a") if one["from"] == "b"]
    agents.roost.until_message(answer["id"], "done")
    assert answer["reply_to"] == asked["id"]
    assert agents.roost.message(asked["id"])["replies"] == [answer["id"]]
    assert "@@silent@@" in agents.text(answer["id"])
