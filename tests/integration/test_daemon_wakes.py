"""Waking, sleeping, resuming (P3, P7, P8), a true registry (L1, L2, L5) and removal (P11), on real parts."""

import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Roost, alive, cleared, shared_roost, signal_pid
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


def slept(roost: Roost, name: str, count: int = 1) -> None:
    """Wait until the peer has been put to sleep so often."""
    death = roost.until_death(name, count)
    assert (death["cause"], death["counted"]) == ("idle-sleep", False)
    roost.until_state(name, "asleep")


def test_P3_idle_sleep_then_resume_by_topic_or_fresh(roost: Roost) -> None:
    roost.add("a", idle="300ms")
    assert roost.ask("a", "hello", topic="sea") == "echo: hello"
    pid = roost.happened("start")[-1]["pid"]
    slept(roost, "a")
    wait_until(lambda: not alive(pid), timeout=PATIENCE, why="the agent is gone")
    assert roost.ask("a", "@@recall@@", topic="sea") == "1"
    slept(roost, "a", 2)
    assert roost.ask("a", "@@recall@@", topic="land") == "0"
    slept(roost, "a", 3)
    assert roost.ask("a", "@@recall@@") == "0"
    starts = roost.events("a", "starting")
    assert [event["cause"] for event in starts] == [
        "first-wake",
        "parked-topic",
        "parked-other-topic",
        "parked-no-topic",
    ]
    assert [event["data"]["resume"] for event in starts] == [False, True, False, False]


def test_P3_resume_always_needs_no_topic(roost: Roost) -> None:
    roost.add("a", idle="300ms", resume="always")
    roost.ask("a", "hello")
    slept(roost, "a")
    assert roost.ask("a", "@@recall@@") == "1"
    assert roost.events("a", "starting")[-1]["cause"] == "parked-always"


def test_P3_the_wake_with_its_cause_is_journalled_before_the_agent_starts(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    (starting,) = roost.events("a", "starting")
    (started,) = roost.happened("start")
    assert starting["ts"] < started["ts"]
    assert starting["data"]["by"] == "operator"
    line = next(
        line
        for line in (roost.places.logs / "lifecycle.log").read_text().splitlines()
        if "ev=starting" in line
    )
    assert "cause=first-wake" in line


def test_P8_many_messages_at_once_give_one_session_in_order(roost: Roost) -> None:
    roost.add("a")
    sent = [roost.send("a", f"number {index}")["id"] for index in range(20)]
    for message_id in sent:
        roost.until_message(message_id, "done")
    assert len(roost.happened("start")) == 1
    prompts = [one["text"].splitlines()[1] for one in roost.happened("prompt")]
    assert prompts == [f"number {index}" for index in range(20)]
    mail = roost.call("inbox", name="operator")
    assert [(item["reply_to"], item["body"]) for item in mail] == [
        (message_id, f"echo: number {index}") for index, message_id in enumerate(sent)
    ]


def test_P7_stop_parks_start_unparks_restart_is_fresh(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello", topic="t")
    pid = roost.session("a")["agent_pid"]
    assert roost.call("stop", name="a")[0]["state"] == "stopped"
    assert not alive(pid)
    kept = roost.cli("send", "a", "@@recall@@", "--topic", "t")
    assert (kept.returncode, kept.stdout.strip()[:2] != "") == (0, True)
    assert "stopped" in kept.stderr
    assert len(kept.stderr.splitlines()) == 1
    assert roost.row("a")["queued"] == 1
    roost.call("start", name="a")
    roost.until_message(kept.stdout.strip(), "done")
    assert roost.call("inbox", name="operator")[-1]["body"] == "1"
    before = roost.session("a")["id"]
    row = roost.call("restart", name="a")
    assert row["state"] == "idle"
    assert roost.session("a")["id"] != before
    assert roost.ask("a", "@@recall@@", topic="t") == "0"
    assert [death["cause"] for death in roost.deaths("a")] == ["operator-stop", "restart"]


def test_L5_looking_changes_nothing(roost: Roost) -> None:
    roost.add("a")
    roost.add("b", "human")
    roost.ask("a", "hello")
    roost.send("b", "unread")
    roost.until_state("a", "idle")
    looks: list[tuple[str, ...]] = [
        ("list",),
        ("list", "--json"),
        ("show", "a"),
        ("status",),
        ("messages",),
        ("inbox", "b"),
        ("events",),
        ("deaths",),
        ("screen", "a"),
    ]
    before = contents(roost.places.database)
    for look in looks:
        assert roost.cli(*look).returncode == 0, look
    assert contents(roost.places.database) == before
    roost.down(agents=True)
    stored = contents(roost.places.database)
    for look in looks[:-1]:
        done = roost.cli(*look)
        assert done.returncode in (0, 5), look
        assert "daemon" in done.stderr
    assert contents(roost.places.database) == stored
    assert not roost.places.socket.exists()


def contents(database: Path) -> list[str]:
    """Every row of the store."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


def test_L1_a_session_leaves_the_registry_when_its_agent_leaves(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    roost.keys("a", "@@exit 0@@", "Enter")
    death = roost.until_death("a")
    assert (death["cause"], death["exit_code"], death["counted"]) == ("completed", 0, False)
    assert roost.row("a")["session"] is None


def test_L2_what_died_while_the_daemon_was_down_is_closed_at_start(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    roost.down(agents=False)
    pid = roost.happened("start")[-1]["pid"]
    assert alive(pid)
    signal_pid(pid, signal.SIGKILL)
    wait_until(lambda: any(roost.places.spool.glob("*.json")), timeout=PATIENCE, why="the death record")
    roost.start()
    death = roost.until_death("a")
    assert (death["cause"], death["signal"]) == ("crashed", 9)
    assert len(roost.events("a", "stopped")) == 1


def test_P11_remove_purges_one_peer_and_nothing_of_its_namesakes(roost: Roost) -> None:
    for name in ("a", "ab"):
        roost.add(name, description=f"the {name}")
        roost.ask(name, "hello" + " long" * 30_000, topic="t")
        roost.until_state(name, "idle")
    refused = roost.cli("remove", "a")
    assert refused.returncode == 1
    assert "--force" in refused.stderr
    shown = roost.call("show", name="ab")
    removed = roost.cli("remove", "a", "--force")
    assert removed.returncode == 0
    assert str(roost.home.work / "a") in removed.stdout + removed.stderr
    assert (roost.home.work / "a").is_dir()
    assert [row["name"] for row in roost.call("list")] == ["ab"]
    assert roost.call("show", name="ab") == shown
    assert roost.row("ab")["state"] == "idle"
    assert roost.cli("show", "a").returncode == 4
    assert {path.name for path in roost.places.home.rglob("*") if path.name.partition(".")[0] == "a"} == set()
    assert len(list((roost.places.bodies / "ab").iterdir())) == 1
    roost.add("a")
    again = roost.call("show", name="a")
    assert (again["topics"], again["conversation"], again["last_death"]) == ([], None, None)
    assert again["settings"]["description"] == ""
    assert roost.deaths("a") == []
    assert roost.call("messages", name="a") == []
    assert roost.ask("a", "@@recall@@", topic="t") == "0"
    assert roost.events("a", "starting")[-1]["cause"] == "first-wake"
