"""Many at once, ends in the middle of a turn, waits that cannot be met, people at the terminal."""

import json
import os
import pty
import signal
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import psutil
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


def notices(roost: Roost) -> list[dict[str, Any]]:
    """What the operator was told about its messages."""
    return [item["notice"] for item in roost.call("inbox", name="operator") if item["notice"]]


def test_a_dozen_peers_wake_at_once(roost: Roost) -> None:
    names = [roost.add(f"p{number}") for number in range(12)]
    sent = {name: roost.send(name, f"to {name}")["id"] for name in names}
    for name, message_id in sent.items():
        roost.until_message(message_id, "done")
        (prompt,) = roost.prompts(message_id)
        assert prompt["session"] == roost.session(name)["id"]
    assert len(roost.happened("start")) == 12
    pids = [roost.session(name)["agent_pid"] for name in names]
    roost.kill()
    roost.start()
    wait_until(
        lambda: len(roost.events(None, "adopted")) == 12, timeout=PATIENCE, why="all twelve are adopted"
    )
    assert [roost.session(name)["agent_pid"] for name in names] == pids


def test_N1_a_wait_ends_when_the_worker_cannot_answer_any_more(roost: Roost) -> None:
    roost.add("a")
    ended = roost.cli("send", "a", "@@silent@@", "--wait", "replied", "--timeout", "20s")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "without a reply" in ended.stderr.splitlines()[-1]
    late = roost.cli("send", "a", "@@delay 30@@", "--wait", "replied", "--timeout", "300ms")
    assert late.returncode == 3
    assert len(late.stderr.strip().splitlines()[-1]) > 10
    removed = roost.cli("remove", "a", "--force")
    assert removed.returncode == 0
    wait_until(
        lambda: any(notice["outcome"] in ("removed", "died") for notice in notices(roost)),
        timeout=PATIENCE,
        why="the sender is told",
        describe=lambda: notices(roost),
    )


def test_N1_restart_in_the_middle_of_a_turn_gives_the_message_up_and_says_so(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", "@@delay 60@@", wait="accepted", timeout=PATIENCE)["id"]
    pid = roost.session("a")["agent_pid"]
    roost.call("restart", name="a")
    assert not alive(pid)
    assert roost.message(sent)["state"] == "dead-letter"
    wait_until(lambda: notices(roost), timeout=PATIENCE, why="the sender is told")
    assert [notice["about"] for notice in notices(roost)] == [sent]
    assert roost.ask("a", "next") == "echo: next"
    assert len(roost.prompts(sent)) == 1


def test_N2_a_message_to_a_stopped_peer_expires_aloud(roost: Roost) -> None:
    roost.add("a")
    roost.call("stop", name="a")
    sent = roost.send("a", "too late", ttl=0.2)["id"]
    roost.until_message(sent, "expired")
    wait_until(lambda: notices(roost), timeout=PATIENCE, why="the sender is told")
    assert notices(roost)[0]["outcome"] == "expired"
    assert not roost.happened("start")


def test_a_hanging_agent_is_ended_by_stop(roost: Roost) -> None:
    roost.add("a")
    roost.send("a", "@@silent@@\n@@hang@@", wait="accepted", timeout=PATIENCE)
    pid = roost.session("a")["agent_pid"]
    assert roost.call("stop", name="a")[0]["state"] == "stopped"
    assert not alive(pid)
    assert [death["cause"] for death in roost.deaths("a")] == ["operator-stop"]


@pytest.mark.slow
def test_G10_a_stopped_agent_process_is_shown_and_its_mail_waits(roost: Roost) -> None:
    """N5: silence is no death. SIGSTOP the agent: nothing is closed or pasted, and it goes on."""
    roost.add("a")
    roost.ask("a", "before")
    pid = roost.session("a")["agent_pid"]
    signal_pid(pid, signal.SIGSTOP)  # it stops when it runs next
    agent = psutil.Process(pid)
    wait_until(lambda: agent.status() == psutil.STATUS_STOPPED, timeout=PATIENCE, why="it has stopped")
    sent = roost.send("a", "meanwhile")["id"]
    assert f"its process {pid} is stopped" in roost.until_state("a", "blocked")["why"]
    roost.until_message(sent, "queued")
    assert alive(pid)
    signal_pid(pid, signal.SIGCONT)
    roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1
    assert roost.deaths("a") == []


def test_N5_a_person_at_the_keyboard_is_not_put_to_sleep(roost: Roost) -> None:
    roost.add("a", idle="1h")
    roost.call("wake", name="a")
    argv = roost.call("attach", name="a")["argv"]
    master, slave = pty.openpty()
    environ = {**roost.environ, "TERM": "xterm"}
    with subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
    ) as person:
        os.close(slave)
        wait_until(
            lambda: roost.tmux("a", "list-clients", "-F", "#{client_control_mode}").count("0\n"),
            timeout=PATIENCE,
            why="the person is attached",
        )
        os.write(master, b"x")
        wait_until(lambda: "demo> x" in roost.screen("a"), timeout=PATIENCE, why="the key has come in")
        roost.call("set", name="a", pairs=[["idle", "300ms"]])
        wait_until(
            lambda: "person" in roost.row("a")["why"], timeout=PATIENCE, why="the veto, with its reason"
        )
        assert roost.row("a")["state"] == "idle"
        assert roost.deaths("a") == []
        person.terminate()
    os.close(master)


def test_N4_the_same_key_is_the_same_message(roost: Roost) -> None:
    roost.add("a")
    first = roost.cli("send", "a", "once", "--key", "k", "--wait", "done")
    again = roost.cli("send", "a", "once", "--key", "k", "--wait", "done")
    assert first.stdout == again.stdout
    other = roost.cli("send", "a", "another", "--key", "k")
    assert other.returncode == 1
    assert len(roost.happened("prompt")) == 1
    roost.kill()
    roost.start()
    assert roost.cli("send", "a", "once", "--key", "k").stdout == first.stdout
    assert len(roost.happened("prompt")) == 1


def test_down_with_agents_ends_all_and_wakes_none(roost: Roost) -> None:
    roost.add("a")
    roost.add("b")
    roost.ask("a", "hello")
    busy = roost.send("b", "@@delay 60@@", wait="accepted", timeout=PATIENCE)["id"]
    waiting = roost.send("b", "next")["id"]
    pids = [roost.session(name)["agent_pid"] for name in ("a", "b")]
    done = roost.cli("down", "--agents")
    assert done.returncode == 0, done
    assert not any(alive(pid) for pid in pids)
    assert roost.daemon.wait(PATIENCE) == 0
    listed = json.loads(roost.cli("list", "--json").stdout)
    assert [row["session"] for row in listed] == [None, None]
    roost.start()
    roost.until_message(waiting, "queued", "done", "accepted", "offered")
    assert roost.message(busy)["state"] in ("accepted", "offered", "dead-letter")
    assert len([one for one in roost.prompts(busy) if "@@delay" in one["text"]]) == 1


def test_down_with_agents_ends_all_although_one_is_removed_meanwhile(roost: Roost) -> None:
    stubborn = "@@ignore TERM@@\n@@ignore HUP@@\n@@ignore INT@@"
    for name in ("a", "b"):
        roost.add(name)
        roost.send(name, stubborn, wait="replied", timeout=PATIENCE)
    pids = [roost.session(name)["agent_pid"] for name in ("a", "b")]
    removal = threading.Thread(target=lambda: roost.cli("remove", "b", "--force"))
    removal.start()
    roost.until_state("b", "stopping")
    done = roost.cli("down", "--agents")
    removal.join(PATIENCE)
    assert done.returncode == 0, done
    assert not any(alive(pid) for pid in pids)
    assert roost.daemon.wait(PATIENCE) == 0


def test_down_with_agents_ends_a_session_that_is_just_starting(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", "hello")["id"]
    roost.down(agents=True)
    agents = [one["pid"] for one in roost.happened("start")]
    assert not any(alive(pid) for pid in agents)
    assert not list(roost.places.sessions.glob("*"))
    roost.start()
    roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1


def test_N3_a_message_sent_again_under_its_key_still_finds_its_reply(roost: Roost) -> None:
    roost.add("a")
    first = roost.send("a", "once", key="k", wait="replied", timeout=PATIENCE)
    roost.until_message(first["id"], "done")
    again = roost.send("a", "once", key="k", wait="replied", timeout=PATIENCE)
    assert (again["id"], again["reply"]["id"]) == (first["id"], first["reply"]["id"])
    assert len(roost.prompts(first["id"])) == 1


def test_a_mailbox_has_no_terminal_and_is_not_stopped(roost: Roost) -> None:
    roost.add("a")
    roost.add("boss", "human")
    roost.send("a", "@@send boss hello@@", wait="done", timeout=PATIENCE)
    looked = roost.cli("screen", "boss")
    assert (looked.returncode, looked.stderr.count("\n")) == (1, 1)
    assert "mailbox" in looked.stderr
    stopped = roost.cli("stop", "boss")
    assert (stopped.returncode, stopped.stderr.count("\n")) == (1, 1)
    assert "takes mail as before" in stopped.stderr
    assert roost.events("a", "notice") == []


def test_P7_what_an_agent_says_of_its_work_is_in_the_journal(roost: Roost) -> None:
    roost.add("a")
    roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)
    token = roost.token("a")
    roost.call("done", token=token, summary="all tests pass")
    roost.until_death("a")
    assert [event["data"]["why"] for event in roost.events("a", "stopping")] == [
        "it said that it is done: all tests pass"
    ]
    assert roost.deaths("a")[0]["cause"] == "completed"
