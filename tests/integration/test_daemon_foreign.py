"""A conversation that somebody else has open: named, waited for, never fought (P5)."""

import os
from collections.abc import Iterator

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, alive, cleared, shared_roost
from tests.support.stranger import stranger
from tests.support.wait import wait_until

pytestmark = pytest.mark.real
PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def parked(roost: Roost, name: str = "worker", **settings: str) -> str:
    """A peer that sleeps with a conversation to resume; returns the conversation's id."""
    roost.add(name, resume="always", **settings)
    assert roost.ask(name, "one") == "echo: one"
    conversation = roost.session(name)["conversation"]
    roost.call("stop", name=name)
    roost.call("start", name=name)
    return conversation


def test_P5_a_held_conversation_is_waited_for_and_then_resumed(roost: Roost) -> None:
    conversation = parked(roost)
    roost.add("me", runtime="human")
    with stranger(roost, conversation) as other:
        sent = roost.send("worker", "@@recall@@", from_="me")
        row = roost.until_state("worker", "blocked")
        assert f"process {other.process.pid} (" in row["why"]
        assert "not started by roost" in row["why"]
        assert row["session"]["agent_pid"] is None
        assert roost.message(sent["id"])["state"] == "queued"
        shown = roost.call("show", name="worker")["held_by"]
        assert shown["pid"] == other.process.pid
        wait_until(lambda: roost.call("inbox", name="me"), timeout=PATIENCE, why="the sender is told")
        assert len(roost.events("worker", "starting")) == 2
        assert other.process.poll() is None
        other.leave()
        roost.until_message(sent["id"], "done")
    assert roost.session("worker")["conversation"] == conversation
    news = [mail["notice"]["outcome"] for mail in roost.call("inbox", name="me") if mail["notice"]]
    assert news == ["blocked"]
    replies = [mail["body"] for mail in roost.call("inbox", name="me") if not mail["notice"]]
    assert len(replies) == 1
    assert replies[0].strip().endswith("1")
    assert len(roost.events("worker", "starting")) == 2
    assert [death["cause"] for death in roost.deaths("worker")] == ["operator-stop"]


def test_P5_restart_begins_a_fresh_conversation_and_touches_nobody(roost: Roost) -> None:
    conversation = parked(roost)
    with stranger(roost, conversation) as other:
        sent = roost.send("worker", "two")
        roost.until_state("worker", "blocked")
        roost.call("restart", name="worker")
        roost.until_message(sent["id"], "done")
        assert roost.session("worker")["conversation"] != conversation
        assert other.process.poll() is None
        assert roost.call("show", name="worker")["held_by"] is None


def test_P5_P6_a_wait_that_is_stopped_is_no_crash(roost: Roost) -> None:
    conversation = parked(roost, restarts="1")
    with stranger(roost, conversation) as other:
        roost.send("worker", "two")
        roost.until_state("worker", "blocked")
        refused = roost.cli("wake", "worker")
        assert refused.returncode == 1
        assert "`roost restart worker`" in refused.stderr
        with pytest.raises(RemoteError, match="roost restart worker"):
            roost.call("attach", name="worker")
        roost.call("stop", name="worker")
        assert roost.row("worker")["state"] == "stopped"
        assert not any(death["counted"] for death in roost.deaths("worker"))
        assert other.process.poll() is None
    roost.call("start", name="worker")
    assert roost.ask("worker", "three") == "echo: three"
    assert roost.session("worker")["conversation"] == conversation


def test_P5_N8_the_wait_outlives_the_daemon(roost: Roost) -> None:
    conversation = parked(roost)
    with stranger(roost, conversation):
        sent = roost.send("worker", "two")
        roost.until_state("worker", "blocked")
        roost.kill()
        roost.start()
        assert "not started by roost" in roost.until_state("worker", "blocked")["why"]
    roost.until_message(sent["id"], "done")
    assert roost.session("worker")["conversation"] == conversation
    assert len(roost.prompts(sent["id"])) == 1


def test_P5_who_joins_a_live_conversation_is_named_and_left_alone(roost: Roost) -> None:
    roost.add("worker")
    assert roost.ask("worker", "one") == "echo: one"
    session = roost.session("worker")
    assert roost.call("show", name="worker")["held_by"] is None
    with stranger(roost, session["conversation"]) as other:
        assert roost.call("show", name="worker")["held_by"]["pid"] == other.process.pid
        found = {each["check"]: each for each in roost.call("doctor")}["conversation of worker"]
        assert found["ok"] is False
        assert f"process {other.process.pid}" in found["detail"]
        assert found["fix"] == "roost restart worker"
        said = roost.cli("show", "worker").stdout
        assert f"held by       process {other.process.pid} (" in said
        assert other.process.poll() is None
        assert alive(session["agent_pid"])
    assert roost.call("show", name="worker")["held_by"] is None


def test_P5_H4_what_a_dead_holder_left_behind_holds_nothing(roost: Roost) -> None:
    conversation = parked(roost)
    with stranger(roost, conversation) as other:
        other.process.kill()
        other.process.wait(PATIENCE)
        left = roost.places.state / "demo" / "status" / f"{other.process.pid}.json"
        assert left.exists()
        # The same words about a process that lives, but started at another time.
        (left.parent / "1.json").write_text(
            left.read_text().replace(f'"pid": {other.process.pid}', f'"pid": {os.getpid()}')
        )
        assert roost.ask("worker", "two") == "echo: two"
    assert roost.session("worker")["conversation"] == conversation


def test_P5_B3_a_session_of_another_roost_is_named_and_never_touched(roost: Roost) -> None:
    conversation = parked(roost)
    marker = {"ROOST_SESSION": "5" * 32, "ROOST_NONCE": "n", "ROOST_HOME": "/other"}
    with stranger(roost, conversation, **marker) as other:
        roost.send("worker", "two")
        assert "of another roost (/other)" in roost.until_state("worker", "blocked")["why"]
        roost.kill()
        roost.start()
        roost.until_state("worker", "blocked")
        assert other.process.poll() is None
