"""Ephemeral peers on real parts (P4): one task, one fresh session; the queue is durable and in order."""

from collections.abc import Iterator

import pytest

from tests.support.daemon import Roost, cleared, shared_roost
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


def order(roost: Roost) -> list[tuple[str, str]]:
    """The session and the first line of each task, as it truly happened."""
    return [(one["session"], one["text"].splitlines()[1]) for one in roost.happened("prompt")]


def test_P4_each_task_gets_a_fresh_session_that_ends_after_its_quiet(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="200ms")
    sent = [roost.send("e", f"task {number}\n@@recall@@", topic="t")["id"] for number in range(3)]
    for message_id in sent:
        roost.until_message(message_id, "done")
    roost.until_death("e", 3)
    deaths = roost.deaths("e")
    assert [(death["cause"], death["counted"]) for death in deaths] == [("ephemeral-done", False)] * 3
    assert len({session for session, _ in order(roost)}) == 3
    assert [body for _, body in order(roost)] == ["task 0", "task 1", "task 2"]
    assert {event["cause"] for event in roost.events("e", "starting")} == {"ephemeral"}
    # Nothing of an earlier task is recalled.
    assert [item["body"] for item in roost.call("inbox", name="operator")] == ["0", "0", "0"]
    assert roost.row("e")["state"] == "asleep"


def test_P4_a_silent_worker_ends_at_its_bound_and_the_next_task_runs(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms", silence="600ms")
    silent = roost.send("e", "one\n@@silent@@")["id"]
    answered = roost.send("e", "two")["id"]
    roost.until_death("e")
    roost.call("set", name="e", pairs=[["silence", "1h"]])  # a slow machine may take longer to answer
    roost.until_message(answered, "done")
    assert roost.until_death("e", 2)["cause"] == "ephemeral-done"
    assert [death["cause"] for death in roost.deaths("e")] == ["ephemeral-silent", "ephemeral-done"]
    assert not any(death["counted"] for death in roost.deaths("e"))
    assert len(roost.prompts(silent)) == len(roost.prompts(answered)) == 1


def test_P4_a_hanging_worker_is_ended_and_its_sender_told(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms", silence="600ms")
    hanging = roost.send("e", "one\n@@hang@@")["id"]
    answered = roost.send("e", "two")["id"]
    assert roost.until_message(hanging, "dead-letter")["why"]
    roost.call("set", name="e", pairs=[["silence", "1h"]])  # a slow machine may take longer to answer
    roost.until_message(answered, "done")
    notices = wait_until(
        lambda: [item for item in roost.call("inbox", name="operator") if item["notice"]],
        timeout=PATIENCE,
        why="the sender is told (N1)",
    )
    assert notices[0]["notice"]["about"] == hanging


def test_P4_N8_the_queue_survives_the_daemon_and_is_drained_at_start(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms")
    first = roost.send("e", "zero\n@@delay 0.4@@", wait="accepted", timeout=PATIENCE)["id"]
    rest = [roost.send("e", f"task {number}")["id"] for number in range(2)]
    roost.kill()
    roost.start()
    for message_id in (first, *rest):
        roost.until_message(message_id, "done")
        assert len(roost.prompts(message_id)) == 1
    assert [body for _, body in order(roost)] == ["zero", "task 0", "task 1"]
    assert len({session for session, _ in order(roost)}) == 3
    roost.until_death("e", 3)


def test_P4_a_failed_wake_keeps_the_task_at_the_head(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms")
    folder = roost.home.work / "e"
    folder.rmdir()
    sent = [roost.send("e", f"task {number}")["id"] for number in range(2)]
    assert roost.until_death("e")["cause"] == "not-started"
    assert [roost.message(message_id)["state"] for message_id in sent] == ["queued", "queued"]
    folder.mkdir()
    roost.call("start", name="e")
    for message_id in sent:
        roost.until_message(message_id, "done")
    assert [body for _, body in order(roost)] == ["task 0", "task 1"]


@pytest.mark.slow
def test_P4_P6_poison_tasks_are_given_up_and_the_queue_goes_on(roost: Roost) -> None:
    """A task that ends two fresh sessions is a dead letter, its sender is told, and the queue goes on."""
    roost.add("e", wake="ephemeral", quiet="50ms", restarts="3")
    bodies = ["one\n@@kill 9@@", "two", "three\n@@kill 9@@", "four\n@@exit 7@@", "five"]
    sent = [roost.send("e", body)["id"] for body in bodies]
    roost.until_message(sent[-1], "done")
    assert [roost.message(each)["state"] for each in sent] == [
        "dead-letter",
        "done",
        "dead-letter",
        "dead-letter",
        "done",
    ]
    told = [body for _, body in order(roost)]
    assert told == ["one", "one", "two", "three", "three", "four", "four", "five"]
    assert len({session for session, _ in order(roost)}) == len(told)
    assert roost.events("e", "quarantined") == []
    roost.until_death("e", len(told))
    crashes = [death["counted"] for death in roost.deaths("e") if death["cause"] == "crashed"]
    assert crashes == [False, True] * 3
    notices = [item["notice"] for item in roost.call("inbox", name="operator") if item["notice"]]
    assert [one["about"] for one in notices if one["outcome"] == "died"] == [sent[0], sent[2], sent[3]]


def test_P6_a_peer_that_ends_at_every_task_is_quarantined_and_keeps_the_rest(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="50ms", restarts="2")
    sent = [roost.send("e", f"{number}\n@@kill 9@@")["id"] for number in range(3)]
    roost.until_state("e", "quarantined")
    assert [roost.message(each)["state"] for each in sent] == ["dead-letter", "dead-letter", "queued"]
    assert len(roost.happened("prompt")) == 4
