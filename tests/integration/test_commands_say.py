"""Commands do what was asked, or say why not; a wait says what is so (F23, F26, F30)."""

import json
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from tests.support.daemon import PATIENCE, Roost, roost_in, signal_pid
from tests.support.home import Home
from tests.support.wait import wait_until


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        made.add("a")
        made.add("b")
        made.add("me", "human")
        yield made


@contextmanager
def started(roost: Roost, *words: str, **options: Any) -> Iterator[subprocess.Popen[str]]:  # noqa: ANN401 -- Popen's
    """A command that runs beside the test, and not for longer."""
    environ = {**roost.environ, "PYTHONUNBUFFERED": "", **options.pop("env", {})}
    options = {"stdout": subprocess.PIPE, **options}
    with subprocess.Popen([*roost.program(), *words], env=environ, text=True, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def refused(roost: Roost, *words: str) -> str:
    """What a command says that is not done."""
    done = roost.cli(*words)
    assert done.returncode in (1, 2), (words, done.stdout, done.stderr)
    assert done.stderr.count("\n") == 1
    return done.stderr


def test_F26_what_cannot_be_done_is_refused_in_words(roost: Roost) -> None:
    roost.send("b", "hello there")
    roost.call("stop", name="b")
    assert "an agent" in refused(roost, "inbox", "b", "--ack")
    assert "only it writes in its name" in refused(roost, "send", "a", "x", "--from", "b")
    assert "'b' is a peer, too" in refused(roost, "send", "a", "b", "hi")
    assert "a mailbox" in refused(roost, "stop", "me")
    assert "a mailbox" in refused(roost, "sleep", "me")
    assert "see `roost inbox me`" in refused(roost, "wake", "me")
    assert "no conversation to resume" in refused(roost, "restart", "a", "--resume")
    assert [message["text"] for message in roost.call("messages") if not message["notice"]] == [
        "hello there"
    ], "nothing was sent"
    assert roost.cli("send", "me", "b hi").returncode == 0, "quoted, it is the text"
    stopped = roost.cli("stop", "--all", "--json")
    assert [row["name"] for row in roost.call("list") if row["stopped"]] == ["a", "b"], stopped.stderr
    assert roost.cli("start", "--all").returncode == 0
    up = roost.cli("up", "--json")
    assert f'"pid": {roost.daemon.pid}' in up.stdout


def test_P7_what_is_asked_of_all_is_done_for_each_on_its_own(roost: Roost) -> None:
    """One that refuses is passed over, one is removed in the middle, one is renamed; the others are done."""
    roost.add("m", wake="never", away="resume")
    roost.add("c")
    done = roost.cli("refresh", "--all")
    assert (done.returncode, done.stdout.count("begins a new conversation")) == (0, 3), done
    assert done.stderr.startswith("roost: 'm': passed over: 'm' goes on with a person's conversation")
    rows = json.loads(roost.cli("refresh", "--all", "--json").stdout)
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    for name in ("b", "c"):
        roost.send(name, "@@ignore TERM@@\n@@ignore HUP@@\n@@ignore INT@@", wait="replied", timeout=PATIENCE)
    roost.call("stop", name="a")
    with started(roost, "remove", "b", "--force") as removal, started(roost, "rename", "c", "d", "--force"):
        roost.until_state("b", "stopping")
        roost.until_state("c", "stopping")
        rows = {row["name"]: row for row in roost.call("start", all=True)}
        assert (rows["a"]["stopped"], rows["b"]["error"]["message"]) == (False, "'b' is being removed")
        rows = {row["name"]: row["stopped"] for row in roost.call("stop", all=True)}
        assert rows == {"a": True, "d": True, "m": True}
        assert removal.wait(PATIENCE) == 0


def test_F26_sleep_wake_restart_and_wait_do_what_they_say(roost: Roost) -> None:
    assert roost.cli("wake", "a").returncode == 0
    first = roost.session("a")
    again = roost.cli("wake", "a", "--resume")
    assert "is awake already" in again.stderr
    assert roost.session("a") == first
    assert roost.ask("a", "one") == "echo: one"
    assert roost.cli("restart", "a", "--resume").returncode == 0
    assert roost.session("a")["id"] != first["id"]
    assert roost.session("a")["conversation"] == first["conversation"]
    assert roost.ask("a", "@@recall@@") == "1"
    assert roost.cli("wake", "a", "--fresh").returncode == 0
    assert roost.session("a")["conversation"] != first["conversation"], "F26: done, although it was awake"
    assert roost.cli("wait", "a").returncode == 0
    late = roost.cli("wait", "a", "--for", "asleep", "--timeout", "0.01")
    assert (late.returncode, "is not asleep yet, but idle" in late.stderr) == (3, True)
    with started(roost, "wait", "a", "--for", "asleep") as waiter:
        slept = roost.cli("sleep", "a")
        assert slept.stdout.startswith("a is asleep: its last session was stopped")
        assert waiter.communicate(timeout=PATIENCE)[0].startswith("a is asleep")
    assert roost.row("a")["stopped"] is False
    assert "has no session" in roost.cli("sleep", "a").stderr
    with started(roost, "wait", "a", "--for", "gone") as waiter:
        asking = psutil.Process(waiter.pid)
        wait_until(
            lambda: asking.net_connections("unix"), timeout=PATIENCE, why="it asks, before the peer is gone"
        )
        assert roost.cli("rm", "a").returncode == 0
        assert waiter.communicate(timeout=PATIENCE)[0] == "a is gone\n"
    assert roost.cli("wait", "nobody").returncode == 4


def test_F23_a_wait_says_what_is_so_from_the_beginning(roost: Roost) -> None:
    """To a peer that is stopped, then fails to start, then is quarantined; Ctrl-C names the message."""
    roost.call("set", name="a", pairs=[["args", "--no-such-option"], ["restarts", "2"]])
    roost.call("stop", name="a")
    with started(roost, "send", "a", "hello", "--wait", "replied", stderr=subprocess.PIPE) as waiting:
        assert waiting.stderr is not None
        assert "'a' is stopped: the message is kept until `roost start a`" in waiting.stderr.readline()
        (message,) = roost.call("messages", name="a")
        roost.call("start", name="a")
        told = waiting.stderr.readline()
        assert "a is quarantined: 2 failures" in told
        assert "unknown argument --no-such-option" in told
        waiting.send_signal(signal.SIGINT)
        last = waiting.stderr.read()
        assert waiting.wait(PATIENCE) == 130
    assert message["id"] in last
    assert "a is quarantined" in last
    out = roost.cli("send", "a", "more", "--wait", "done", "--timeout", "0.2")
    assert out.returncode == 3
    assert out.stdout.strip() == roost.call("messages", name="a")[-1]["id"]
    assert "'a' is quarantined" in out.stderr
    assert "; a is quarantined" in out.stderr
    listed = roost.cli("list").stdout.splitlines()
    assert listed[1].startswith("a "), "what needs a person stands first"
    assert "boot-failed" not in "".join(listed)
    (event,) = roost.events("a", "quarantined")
    assert event["data"]["until"].endswith("Z"), "F30: no seconds since 1970 in events and logs"
    assert "Z" not in listed[1], "F30: people read one time zone"


def test_F23_a_person_sees_the_state_change(roost: Roost) -> None:
    leader, follower = pty.openpty()
    wide = {"TERM": "xterm", "COLUMNS": "100"}
    with started(roost, "send", "a", "hello", "--wait", "replied", env=wide, stderr=follower) as waiting:
        os.close(follower)
        assert waiting.communicate(timeout=PATIENCE)[0] == "echo: hello\n"
    shown = b""
    while select.select([leader], [], [], 0)[0]:
        try:
            shown += os.read(leader, 65536)
        except OSError:
            break
    os.close(leader)
    message = roost.call("messages", name="a")[0]["id"]
    for words in ("a is starting", "a is working"):
        assert f"{message[:16]} {words}".encode() in shown


def test_F25_a_followed_journal_comes_line_by_line(roost: Roost) -> None:
    """Through a pipe, as to `grep`; also the people's form."""
    with started(roost, "events", "--follow") as follower:
        assert follower.stdout is not None
        lines = [follower.stdout.readline() for _ in range(3)]
        assert "was made" in lines[-1]
        roost.send("me", "news")
        assert "me" in follower.stdout.readline()
    with started(roost, "inbox", "me", "--since", "1ms", "--follow", "--json") as follower:
        assert follower.stdout is not None
        told = [follower.stdout]

        def comes() -> bool:
            roost.send("me", "from now on")
            return bool(select.select(told, [], [], 0.1)[0])

        wait_until(comes, timeout=PATIENCE, why="a followed mailbox tells what comes")
        assert '"from now on"' in follower.stdout.readline(), "what was unread before is of another time"


def test_N4_who_waits_for_an_answer_gets_it_of_the_next_daemon(roost: Roost) -> None:
    with started(roost, "send", "a", "@@delay 2@@", "--wait", "replied") as waiting:
        roost.until_state("a", "working")
        roost.kill()
        roost.start()
        assert waiting.communicate(timeout=PATIENCE)[0] == "echo: @@delay 2@@\n"
    assert waiting.returncode == 0
    assert len([each for each in roost.call("messages") if each["to"] == "a"]) == 1


def test_F30_a_restart_that_another_command_has_undone_says_so(roost: Roost) -> None:
    roost.ask("a", "@@ignore TERM@@\n@@ignore HUP@@\nstay for a while")
    with started(roost, "restart", "a", stderr=subprocess.PIPE) as waiting:
        roost.until_state("a", "stopping")
        roost.call("set", name="a", pairs=[["wake", "never"]])
        told = waiting.communicate(timeout=PATIENCE)[1]
    assert waiting.returncode == 1
    assert "'a' could not be woken: it is asleep now" in told


def test_F30_wake_fails_where_nobody_can_tell_what_the_session_does(roost: Roost) -> None:
    assert roost.cli("wake", "a").returncode == 0
    server = roost.session("a")["server_pid"]
    signal_pid(server, signal.SIGSTOP)
    try:
        roost.until_state("a", "unknown")
        failed = roost.cli("wake", "a")
    finally:
        signal_pid(server, signal.SIGCONT)
    assert failed.returncode == 1
    assert "what it does is not known" in failed.stderr
    roost.until_state("a", "idle")
    assert roost.cli("wake", "a").returncode == 0


def test_mine_is_mine(roost: Roost) -> None:
    """`inbox` without a name, ROOST_FROM, `from` in the config file; the list says that mail waits."""
    assert roost.ask("a", "one") == "echo: one"
    roost.cli("send", "a", "two", environ={"ROOST_FROM": "me"})
    wait_until(lambda: roost.call("inbox", name="me"), timeout=PATIENCE, why="the answer comes")
    assert "echo: two" in roost.cli("inbox", environ={"ROOST_FROM": "me"}).stdout
    assert roost.cli("inbox").stdout == "no unread messages\n"
    assert "echo: one" in roost.cli("inbox", "--all").stdout
    listed = roost.cli("list", environ={"ROOST_FROM": "me"})
    assert "1 unread for you: `roost inbox me`" in listed.stderr
    roost.call("set", name="me", pairs=[["queue_limit", "1"]])
    listed = roost.cli("list", environ={"ROOST_FROM": "me"})
    assert "your mailbox is nearly full (it takes no more then): `roost inbox me --ack`" in listed.stderr
    roost.call("set", name="me", pairs=[["queue_limit", "1000"]])
    assert roost.row("a")["session"] is not None
    counted = roost.cli("status").stdout
    assert "2 agents, 1 awake; 1 mailbox" in counted
    assert "0 messages for agents, 1 unread" in counted, "F30: mail in a mailbox waits for no agent"
    roost.places.config.write_text('from = "me"\n')
    roost.kill()
    roost.start()
    assert "echo: two" in roost.cli("inbox").stdout
    found = roost.cli(
        "messages", "--grep", "TWO", "--to", "a", "--from", "me", "--since", "1h"
    ).stdout.splitlines()
    assert len(found) == 2
    ident = found[1].split()[0]
    assert roost.cli("message", ident, "--body").stdout == "two\n"
