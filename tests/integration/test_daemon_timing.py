"""`send --when now|next|idle` to a busy, an idle and a sleeping demo agent; their log is the truth."""

import json
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.chaos_oracle import HEADER
from tests.support.daemon import Roost, cleared, shared_roost, signal_pid
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def shown(roost: Roost) -> list[str]:
    """The messages that the agents were shown, in order."""
    return [found[1] for one in roost.happened("prompt") if (found := HEADER.match(one["text"]))]


def send(roost: Roost, body: str, when: str) -> str:
    sent = roost.cli("send", "a", f"@@silent@@\n{body}", "--when", when)
    assert sent.returncode == 0, sent
    return sent.stdout.strip()


def turns(roost: Roost) -> int:
    """How many turns of the agents have ended."""
    return len(roost.happened("turn_end"))


def told_of(roost: Roost) -> list[str]:
    """The messages that the operator's notices are about."""
    return [item["notice"]["about"] for item in roost.call("inbox", name="operator") if item["notice"]]


def pending(roost: Roost, body: str = "urgent") -> tuple[str, str]:
    """A message in a running turn, and an urgent one that its program keeps until that ends."""
    roost.add("a")
    busy = roost.send("a", "@@silent@@\n@@delay 600@@", wait="accepted", timeout=PATIENCE)["id"]
    roost.until_state("a", "working")
    urgent = send(roost, body, "now")
    wait_until(
        lambda: "has not taken it yet" in roost.message(urgent)["why"],
        timeout=PATIENCE,
        why="the urgent message is entered",
        describe=lambda: roost.message(urgent),
    )
    return busy, urgent


def test_a_busy_agent_gets_urgent_mail_first_and_what_can_wait_last(roost: Roost) -> None:
    """Nothing is pasted into a dialog, and the order survives a daemon that is killed meanwhile."""
    roost.add("a")
    busy = roost.send("a", "@@silent@@\n@@ask@@")["id"]
    roost.until_state("a", "blocked")
    waits, first, second, urgent = (send(roost, when, when) for when in ("idle", "next", "next", "now"))
    roost.kill()
    roost.start()
    roost.until_state("a", "blocked")
    assert shown(roost) == [busy]
    roost.keys("a", "Escape")
    for message_id in (waits, first, second, urgent):
        roost.until_message(message_id, "done")
    assert shown(roost) == [busy, urgent, first, second, waits]
    story = json.loads(roost.cli("message", waits, "--json").stdout)
    assert story["when"] == "idle"


def test_what_can_wait_wakes_no_sleeper_and_is_kept_for_it(roost: Roost) -> None:
    roost.add("a")
    sent = roost.cli("send", "a", "@@silent@@\nlater", "--when", "idle")
    assert "sleeps" in sent.stderr
    waits = sent.stdout.strip()
    roost.kill()
    roost.start()
    assert roost.row("a")["state"] == "asleep"
    assert not roost.happened("start")
    other = send(roost, "wakes it", "next")
    roost.until_message(waits, "done")
    assert shown(roost) == [other, waits]
    assert roost.cli("send", "a", "x", "--when", "never").returncode == 2


def test_an_urgent_message_joins_the_running_turn_and_each_has_its_own_reply(roost: Roost) -> None:
    roost.add("a")
    busy = roost.send("a", "@@steer@@\n@@delay 600@@\n@@reply of the first@@")["id"]
    roost.until_state("a", "working")
    urgent = roost.send("a", "@@reply of the second@@", when="now", wait="replied", timeout=PATIENCE)
    assert urgent["reply"]["body"] == "of the second"
    assert (
        roost.until_message(busy, "done")["replies"] != roost.until_message(urgent["id"], "done")["replies"]
    )
    assert turns(roost) == 1
    ends = [roost.message(each) for each in (busy, urgent["id"])]
    assert ends[0]["done_at"] == ends[1]["done_at"]
    assert all("the end of the turn stands in" in each["why"] for each in ends)
    assert shown(roost) == [busy, urgent["id"]]
    told = roost.cli("message", urgent["id"]).stdout
    assert "handed over into the running turn of session" in told


def test_N4_what_a_turn_does_not_take_begins_the_next_one(roost: Roost) -> None:
    busy, urgent = pending(roost)
    other = send(roost, "another", "now")
    assert shown(roost) == [busy]
    assert roost.message(other)["state"] == "queued", "one offer at a time"
    roost.keys("a", "Escape")
    assert "interrupted" in roost.until_message(busy, "dead-letter")["why"]
    for message_id in (urgent, other):
        roost.until_message(message_id, "done")
    assert shown(roost) == [busy, urgent, other]


def test_N8_a_daemon_killed_before_a_steered_message_is_taken_finds_it(roost: Roost) -> None:
    busy, urgent = pending(roost)
    roost.kill()
    roost.start()
    roost.until_state("a", "working")
    assert roost.message(urgent)["state"] == "offered"
    roost.keys("a", "Escape")
    roost.until_message(urgent, "done")
    assert shown(roost) == [busy, urgent]
    assert [each["outcome"] for each in roost.message(urgent)["attempts"]].count("offered") == 1


def test_N8_a_steered_message_that_was_taken_while_no_daemon_ran_is_found(roost: Roost) -> None:
    busy, urgent = pending(roost)
    socket = roost.session("a")["socket"]
    roost.kill()
    subprocess.run(["tmux", "-S", socket, "send-keys", "-t", ":", "Escape"], check=True, timeout=PATIENCE)
    wait_until(lambda: turns(roost) == 2, timeout=PATIENCE, why="the agent has dealt with both")
    roost.start()
    roost.until_message(urgent, "done")
    roost.until_message(busy, "dead-letter")
    assert shown(roost) == [busy, urgent]


def test_N2_all_of_a_turn_that_a_death_cut_off_is_driven_again_in_order(roost: Roost) -> None:
    roost.add("a", resume="always")
    first = roost.send("a", "@@silent@@\n@@steer@@\n@@delay 600@@")["id"]
    roost.until_state("a", "working")
    second = send(roost, "@@delay 600@@", "now")
    roost.until_message(second, "accepted")
    signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
    roost.until_death("a")
    for message_id in (first, second):
        wait_until(
            lambda message_id=message_id: len(roost.prompts(message_id)) == 2,
            timeout=PATIENCE,
            why="it is driven again",
            describe=roost.happened,
        )
        roost.until_state("a", "working")
        roost.keys("a", "Escape")
        roost.until_message(message_id, "dead-letter")
    assert shown(roost) == [first, second, first, second]


def test_P7_an_interrupt_ends_all_of_a_turn_and_leaves_the_next_one_alone(roost: Roost) -> None:
    roost.add("a")
    first = roost.send("a", "@@silent@@\n@@steer@@\n@@delay 600@@")["id"]
    roost.until_state("a", "working")
    second = send(roost, "@@delay 600@@", "now")
    roost.until_message(second, "accepted")
    assert roost.cli("interrupt", "a").returncode == 0
    for message_id in (first, second):
        assert "as the operator asked" in roost.until_message(message_id, "dead-letter")["why"]
    wait_until(
        lambda: sorted(told_of(roost)) == sorted([first, second]),
        timeout=30,
        why="the sender is told of both, once",
        describe=lambda: told_of(roost),
    )


def test_P7_an_interrupt_leaves_what_the_turn_has_not_taken(roost: Roost) -> None:
    busy, urgent = pending(roost, "@@delay 600@@")
    assert roost.cli("interrupt", "a").returncode == 0
    assert roost.message(busy)["state"] == "dead-letter"
    roost.until_message(urgent, "accepted")
    assert turns(roost) == 1
    roost.keys("a", "Escape")
    roost.until_message(urgent, "dead-letter")
