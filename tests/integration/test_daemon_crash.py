"""A daemon killed at any instant (N4, N8): agents live on, and no message is lost, doubled or shown twice."""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from roost.client.connection import ConnectionLostError
from tests.support.daemon import Roost, alive, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.victim import WITHOUT_END, Victim, points
from tests.support.wait import wait_until

PATIENCE = 30.0
MOST = 40
"""Stops until each of its steps must have been the last."""


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def same_agent(roost: Roost, pid: int) -> None:
    """The restarted daemon has adopted the very session."""
    wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the session is adopted")
    assert roost.session("a")["agent_pid"] == pid
    assert alive(pid)
    assert len(roost.happened("start")) == 1


def test_N8_killed_while_the_agent_is_idle(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "before")
    pid = roost.session("a")["agent_pid"]
    roost.kill()
    assert alive(pid)
    roost.start()
    same_agent(roost, pid)
    assert roost.ask("a", "@@recall@@") == "1"
    assert len(roost.happened("prompt")) == 2


def test_N8_killed_while_the_agent_works(roost: Roost) -> None:
    """The turn ends, and its answer is given, while there is no daemon: both are found at the next start."""
    roost.add("a")
    sent = roost.send("a", "@@delay 0.5@@\n@@reply late@@", wait="accepted", timeout=PATIENCE)
    waiting = roost.send("a", "next")
    pid = roost.session("a")["agent_pid"]
    roost.kill()
    roost.start()
    same_agent(roost, pid)
    for each in (sent, waiting):
        roost.until_message(each["id"], "done")
        assert len(roost.prompts(each["id"])) == 1
    assert [item["body"] for item in roost.call("inbox", name="operator")] == ["late", "echo: next"]


def test_N8_killed_while_a_turn_ends_unseen(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", "@@silent@@\n@@delay 0.2@@", wait="accepted", timeout=PATIENCE)
    pid = roost.session("a")["agent_pid"]
    roost.kill()
    wait_until(lambda: roost.happened("turn_end"), timeout=PATIENCE, why="the turn ends")
    roost.start()
    same_agent(roost, pid)
    roost.until_message(sent["id"], "done")
    assert len(roost.prompts(sent["id"])) == 1


def test_N8_killed_while_a_dialog_is_open(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", "@@silent@@\n@@ask@@")
    roost.until_state("a", "blocked")
    waiting = roost.send("a", "next")
    pid = roost.session("a")["agent_pid"]
    roost.kill()
    roost.start()
    same_agent(roost, pid)
    roost.until_state("a", "blocked")
    assert [each["text"] for each in roost.happened("dialog")] == ["open"]
    roost.keys("a", "Escape")
    for each in (sent, waiting):
        roost.until_message(each["id"], "done")
        assert len(roost.prompts(each["id"])) == 1
    assert [each["text"] for each in roost.happened("dialog")] == ["open", "denied"]


def test_N8_an_orderly_end_leaves_the_agents_alone(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "before")
    pid = roost.session("a")["agent_pid"]
    roost.down(agents=False)
    assert alive(pid)
    roost.start()
    same_agent(roost, pid)
    url = roost.call("status")["url"]
    roost.daemon.send_signal(signal.SIGTERM)
    assert roost.daemon.wait(PATIENCE) == 0
    roost.start()
    assert roost.call("status")["url"] == url
    assert roost.ask("a", "after") == "echo: after"


def send(victim: Victim, step: int | str) -> tuple[str, bool]:
    """Send a message that is answered; the daemon dies at that step. Returns its id, and whether it died.

    Sent again under the same key, as a careful caller does who has heard no answer.
    """
    victim.command(step)
    roost, key, died = victim.roost, f"step {step}", True
    with contextlib.suppress(ConnectionLostError):
        roost.send("a", key, wait="done", timeout=PATIENCE, key=key)
        died = False
        roost.kill()
    assert roost.daemon.wait(PATIENCE) == -signal.SIGKILL
    victim.start()
    return roost.send("a", key, key=key)["id"], died


@pytest.fixture
def victim(home: Home) -> Iterator[Victim]:
    with roost_in(home, started=False) as made:
        victim = Victim(made)
        victim.start()
        made.add("a")
        yield victim


def judge(victim: Victim, message_id: str, where: str) -> str:
    """Once it is settled: shown exactly once, answered exactly once, or reported as unknown."""
    roost = victim.roost
    story = roost.until_message(message_id, "done", "unknown", "dead-letter", "expired", "refused")
    shown = len(roost.prompts(message_id))
    answers = [item for item in roost.call("inbox", name="operator") if item["reply_to"] == message_id]
    assert story["state"] in ("done", "unknown"), (where, story)
    assert shown == 1 or (shown == 0 and story["state"] == "unknown" and story["why"]), (where, shown, story)
    assert len(answers) == shown, (where, answers, story)
    return story["state"]


def names(verdicts: dict[str, str]) -> set[str]:
    """The steps without their numbers."""
    return {where.partition(" ")[2] for where in verdicts}


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_N4_N8_killed_at_each_step_of_a_wake(victim: Victim) -> None:
    """Up to the paste, at each step that leaves something else behind than the one before."""

    def wake(step: int | str) -> tuple[str, bool]:
        victim.roost.call("stop", name="a")
        victim.roost.call("start", name="a")
        return send(victim, step)

    wake(WITHOUT_END)
    steps = victim.seen()
    steps = steps[: steps.index("after paste") + 1]
    verdicts: dict[str, str] = {}
    named = ("after start", "before paste", "after paste")
    for step in (*points(steps), *named):  # by its name where a wake took a commit more or less
        if step not in names(verdicts):
            message_id, died = wake(step)
            where = f"{len(verdicts) + 1} {victim.seen()[-1]}"
            assert died, where
            verdicts[where] = judge(victim, message_id, where)
    assert {"before start", "before paste"} <= set(steps)
    assert set(named) <= names(verdicts)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_P9_N8_killed_at_each_step_of_a_stop(victim: Victim) -> None:
    """The stop goes on at the next start: one death with its true cause, nothing left, the peer parked.

    At each step that leaves something else behind than the one before.
    """
    roost, stops = victim.roost, 0

    def stop(step: int) -> list[str]:
        """The steps until it died there, or until the end: how often it signals varies."""
        nonlocal stops
        stops += 1
        roost.call("start", name="a")
        roost.call("wake", name="a")
        count, pid = len(roost.deaths("a")), roost.session("a")["agent_pid"]
        victim.command(step, body=False)
        try:
            roost.call("stop", name="a")
            roost.kill()
        except ConnectionLostError:
            assert roost.daemon.wait(PATIENCE) == -signal.SIGKILL
        victim.start()
        steps = victim.seen()
        if step == 1:
            # The stop itself was not stored: nothing has happened.
            assert steps == ["before commit stopping"]
            assert roost.until_state("a", "idle")["session"]["agent_pid"] == pid
            roost.call("stop", name="a")
        roost.until_state("a", "stopped")
        death = roost.until_death("a", count + 1)
        assert (death["cause"], death["by"]) == ("operator-stop", "operator"), (steps[-1], death)
        assert len(roost.deaths("a")) == count + 1
        assert not alive(pid)
        return steps

    steps = stop(WITHOUT_END)
    assert {"before signal", "after signal"} <= set(steps)
    tried = points(steps)
    wanted, ends = {steps[number - 1] for number in tried}, list[str]()
    while tried:
        seen = stop(tried[0])
        if len(seen) == tried[0]:
            ends.append(seen[-1])
            del tried[0]
        else:  # it signalled less often, and came to its end: what is left stands elsewhere
            steps = seen
            tried = [number for number in points(steps) if steps[number - 1] in wanted - set(ends)]
        assert stops < MOST, (tried, seen)
    assert len(ends) >= len(points(steps)) - 2
    assert {"before commit stopping", "after commit stopping", "after signal"} <= set(ends)
    assert len(roost.events("a", "stopped")) == stops


def until_dead_or_done(roost: Roost, deaths: int, message_id: str) -> None:
    """Wait for one more death of the agent, or the end of the message."""
    wait_until(
        lambda: len(roost.deaths("a")) > deaths or roost.message(message_id)["state"] == "done",
        timeout=PATIENCE,
        why="the agent's end, or the turn's",
    )


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_N4_an_agent_killed_at_each_step_of_a_delivery(victim: Victim) -> None:
    """Each conversation sees the body at most once, and in the end the message is answered.

    At each step of the daemon that leaves something else behind than the one before.
    """
    roost = victim.roost

    def deliver(step: int) -> list[str]:
        roost.call("start", name="a")
        roost.call("wake", name="a")
        victim.command(step, pid=roost.session("a")["agent_pid"])
        count = len(roost.deaths("a"))
        message_id = roost.send("a", f"step {step}")["id"]
        until_dead_or_done(roost, count, message_id)
        roost.call("start", name="a")  # no waiting after a crash
        story = roost.until_message(message_id, "done", "unknown", "dead-letter")
        steps = victim.seen()
        where = f"{step} {steps[-1]}"
        if len(steps) >= step:
            assert roost.until_death("a", count + 1)["signal"] == 9, where
        prompts = roost.prompts(message_id)
        bodies = [one["session"] for one in prompts if f"\nstep {step}\n" in one["text"]]
        assert story["state"] == "done", (where, story["story"])
        assert len(bodies) == len(set(bodies)), (where, prompts)
        answers = [item for item in roost.call("inbox", name="operator") if item["reply_to"] == message_id]
        assert len(answers) >= 1, (where, story)
        assert len(prompts) <= 2, (where, prompts)
        if len(steps) < step:  # its order stands; the next daemon takes another one
            roost.until_state("a", "idle")
            roost.kill()
            victim.start()
        return victim.seen()

    steps = deliver(WITHOUT_END)
    tried = points(steps)
    reached = sum(len(deliver(step)) >= step for step in tried)
    assert len(steps) > 10
    assert reached >= len(tried) - 2, "the end of a delivery varies by a few steps"
