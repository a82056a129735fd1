"""Warm pools on real parts: tasks meet a booted agent, conversations stay warm, nothing is left behind."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.support.daemon import PATIENCE, Record, Roost, alive, cleared, roost_in, shared_roost
from tests.support.home import Home
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def pool(roost: Roost, name: str) -> list[Record]:
    """The pooled sessions of a peer."""
    return roost.call("show", name=name)["pool"]


def until_pool(roost: Roost, name: str, *states: str) -> list[Record]:
    """Wait until the pool holds sessions of just these states."""
    seen: list[Record] = []

    def there() -> bool:
        nonlocal seen
        seen = pool(roost, name)
        return sorted(one["state"] for one in seen) == sorted(states)

    wait_until(there, timeout=PATIENCE, why=f"the pool is {states}", describe=lambda: seen)
    return seen


def session_of(roost: Roost, message_id: str) -> str:
    """The session that really got the message."""
    (prompt,) = roost.prompts(message_id)
    return prompt["session"]


def test_B1_P4_a_task_meets_a_spare_that_booted_while_the_last_one_worked(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms", pool="1")
    first = roost.send("e", "one\n@@ask@@", topic="t")["id"]
    second = roost.send("e", "two\n@@recall@@", topic="t")["id"]
    roost.until_message(first, "accepted")
    (spare,) = until_pool(roost, "e", "idle")
    assert roost.message(first)["state"] == "accepted", "it booted while the first one worked"
    assert spare["spare"]
    assert spare["id"] != roost.session("e")["id"]
    roost.keys("e", "Enter")
    roost.until_message(second, "done")
    assert session_of(roost, second) == spare["id"]
    assert session_of(roost, first) != spare["id"]
    roost.until_death("e", 2)
    assert {death["cause"] for death in roost.deaths("e")} == {"ephemeral-done"}
    assert roost.call("inbox", name="operator")[-1]["body"] == "0", "P4 M1: it is fresh"
    (kept,) = until_pool(roost, "e", "idle")
    third = roost.send("e", "three")["id"]
    roost.until_message(third, "done")
    assert session_of(roost, third) == kept["id"]
    assert "pool" in roost.cli("show", "e").stdout.lower()


def test_B1_unused_spares_end_after_a_while_and_the_next_task_boots_as_ever(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="50ms", pool="2", idle="1500ms")
    roost.until_message(roost.send("e", "one")["id"], "done")
    roost.until_death("e", 3)
    assert sorted(death["cause"] for death in roost.deaths("e")) == [
        "ephemeral-done",
        "idle-sleep",
        "idle-sleep",
    ]
    assert roost.call("status")["live"] == 0
    roost.until_message(roost.send("e", "two")["id"], "done")


def test_B1_B4_each_conversation_keeps_its_session_and_an_evicted_one_is_resumed(roost: Roost) -> None:
    roost.add("w", pool="1")
    recalled = "recall\n@@recall@@"
    assert roost.ask("w", recalled, topic="a") == "0"
    first = roost.session("w")
    assert roost.ask("w", recalled, topic="b") == "0", "another conversation knows nothing of it"
    (shelved,) = pool(roost, "w")
    assert (shelved["id"], shelved["topic"], shelved["state"]) == (first["id"], "a", "idle")
    assert alive(first["agent_pid"])
    assert roost.ask("w", recalled, topic="a") == "1"
    assert roost.session("w")["id"] == first["id"], "it was warm"
    assert roost.ask("w", recalled) == "0", "what has no topic is a conversation too"
    evicted = roost.until_death("w")
    assert (evicted["cause"], evicted["counted"]) == ("idle-sleep", False)
    assert roost.ask("w", recalled, topic="b") == "1", "B4: evicted, and gone on with"
    assert roost.events("w", "starting")[-1]["cause"] == "parked-topic"


def test_B2_pooled_sessions_are_adopted_after_the_daemon_was_killed(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms", pool="1")
    roost.add("w", pool="1")
    roost.until_message(roost.send("e", "one")["id"], "done")
    for topic in ("a", "b"):
        roost.ask("w", "hello", topic=topic)
    (spare,), (warm,) = until_pool(roost, "e", "idle"), until_pool(roost, "w", "idle")
    roost.until_death("e")
    roost.kill()
    roost.start()
    for name, kept in (("e", spare), ("w", warm)):
        wait_until(
            lambda name=name, kept=kept: any(  # type: ignore[misc]
                event["session"] == kept["id"] for event in roost.events(name, "adopted")
            ),
            timeout=PATIENCE,
            why="it is adopted",
        )
    task = roost.send("e", "two")["id"]
    roost.until_message(task, "done")
    assert session_of(roost, task) == spare["id"]
    assert roost.ask("w", "recall\n@@recall@@", topic="a") == "1"
    assert roost.session("w")["id"] == warm["id"]


def test_B3_B5_B6_a_pool_that_was_turned_off_meanwhile_is_reaped_at_start_and_nothing_else(
    roost: Roost,
) -> None:
    roost.add("w", pool="2")
    for topic in ("a", "b", "c"):
        roost.ask("w", "hello", topic=topic)
    surplus, active = until_pool(roost, "w", "idle", "idle"), roost.session("w")
    foreign = str(roost.home.root / "foreign")
    environ = {**roost.environ, "ROOST_PEER": "w"}
    subprocess.run(
        ["tmux", "-S", foreign, "-f", os.devnull, "new-session", "-d", "sleep 600"], env=environ, check=True
    )
    unmarked = subprocess.Popen(["sleep", "600"], env=environ)
    try:
        roost.kill()
        _turn_off(roost.places.database, "w")
        roost.start()
        roost.until_death("w", 2)
        reaped = roost.deaths("w")
        assert {death["session"] for death in reaped} == {one["id"] for one in surplus}
        assert {death["cause"] for death in reaped} == {"idle-sleep"}
        assert not any(death["counted"] for death in reaped)
        assert not any(alive(one["agent_pid"]) for one in surplus)
        assert roost.session("w")["id"] == active["id"]
        assert alive(active["agent_pid"])
        assert unmarked.poll() is None
        subprocess.run(["tmux", "-S", foreign, "has-session"], env=environ, check=True)
    finally:
        unmarked.kill()
        unmarked.wait(PATIENCE)
        subprocess.run(["tmux", "-S", foreign, "kill-server"], env=environ, check=True)


def _turn_off(database: Path, name: str) -> None:
    """As if the pool had been turned off while no daemon ran."""
    connection = apsw.Connection(str(database))
    ((text,),) = connection.execute("SELECT data FROM peers WHERE name = ?", (name,)).fetchall()
    data = json.loads(str(text))
    data["settings"]["pool"] = 0
    connection.execute("UPDATE peers SET data = ? WHERE name = ?", (json.dumps(data), name))
    connection.close()


def test_B4_a_turn_that_a_death_cut_off_is_driven_again_in_its_own_conversation(roost: Roost) -> None:
    roost.add("w", pool="1")
    roost.ask("w", "hello", topic="a")
    roost.ask("w", "hello", topic="b")
    long = roost.send("w", "long\n@@delay 30@@", topic="a")["id"]
    roost.until_message(long, "accepted")
    session = roost.session("w")
    os.kill(session["agent_pid"], 9)
    roost.until_death("w")
    wait_until(
        lambda: len([p for p in roost.happened("prompt") if long in p["text"]]) == 2,
        timeout=PATIENCE,
        why="it is driven again",
    )
    again = roost.session("w")
    assert again["id"] != session["id"]
    assert again["conversation"] == session["conversation"]
    assert again["resumed"]


def test_B1_the_host_holds_no_more_than_its_cap(home: Home) -> None:
    with roost_in(home, started=False) as roost:
        roost.places.config.parent.mkdir(exist_ok=True)
        roost.places.config.write_text("[pool]\nhost = 1\nsender = 1\n")
        roost.start()
        for name in ("one", "two"):
            roost.add(name, pool="4")
            for topic in ("a", "b"):
                roost.ask(name, "hello", topic=topic)
        evicted = roost.until_death("one")
        assert evicted["cause"] == "idle-sleep"
        assert "least recently used" in roost.events("one", "stopping")[-1]["data"]["why"]
        until_pool(roost, "one")
        until_pool(roost, "two", "idle")
        assert roost.call("status")["live"] == 3


def test_B1_P7_a_pool_ends_with_its_peer_and_with_its_setting(roost: Roost) -> None:
    roost.add("w", pool="2")
    for topic in ("a", "b", "c"):
        roost.ask("w", "hello", topic=topic)
    roost.call("set", name="w", pairs=[["pool", "1"]])
    (kept,) = until_pool(roost, "w", "idle")
    assert kept["topic"] == "b", "the least recently used went"
    roost.call("stop", name="w")
    assert roost.call("status")["live"] == 0
    roost.call("start", name="w")
    assert roost.ask("w", "recall\n@@recall@@", topic="a") == "1"
    roost.ask("w", "hello", topic="b")
    roost.call("remove", name="w", force=True)
    assert roost.call("status")["live"] == 0


def test_B1_a_spare_that_cannot_boot_counts_and_does_not_hold_up_the_running_task(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms", pool="1")
    task = roost.send("e", "one\n@@delay 4@@")["id"]
    roost.until_message(task, "accepted")
    roost.call("set", name="e", pairs=[["args", "--no-such-option"]])
    failed = roost.until_death("e")
    while failed["cause"] != "boot-failed":
        failed = roost.until_death("e", len(roost.deaths("e")) + 1)
    assert failed["counted"]
    roost.until_message(task, "done")
    assert len(roost.prompts(task)) == 1
