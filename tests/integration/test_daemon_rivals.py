"""Daemons that want the same home, and callers that say the same, at once: one serves, once (N4, N8)."""

import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

from roost.errors import BUSY, NoDaemonError
from roost.host.files import ensure_private_directory
from tests.support import door
from tests.support.daemon import Roost, alive, roost_in
from tests.support.home import Home
from tests.support.rivals import Rivals
from tests.support.victim import Victim
from tests.support.wait import wait_until

PATIENCE = 30.0
ROUNDS = 2
INSTANTS = ("after commit offered", "after paste", "before commit accepted")
"""Nothing is pasted, it is, it is entered; test_daemon_crash_points has each step between."""
GATED_TMUX = """#!/bin/sh
[ "$1" = -V ] && [ -p "{gate}" ] && cat "{gate}"
exec {tmux} "$@"
"""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def shown_and_answered_once(roost: Roost, message_id: str) -> None:
    """By the agents' own log and by the operator's mail."""
    roost.until_message(message_id, "done")
    assert len(roost.prompts(message_id)) == 1
    mail = [item["body"] for item in roost.call("inbox", name="operator") if item["reply_to"] == message_id]
    assert len(mail) == 1


def has_children(pid: int) -> bool:
    """Whether it has a child that it has not reaped."""
    try:
        return bool(Path(f"/proc/{pid}/task/{pid}/children").read_text())
    except FileNotFoundError:
        return False


def is_paused(pid: int) -> bool:
    """Whether a process stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_N4_N8_of_daemons_that_start_at_the_same_instant_one_serves(roost: Roost) -> None:
    """With an agent that is busy, a peer that is being woken, one that is parked; the last was killed."""
    for name in ("busy", "sleeping", "parked"):
        roost.add(name)
    roost.ask("busy", "before")
    roost.call("stop", name="parked")
    agent = roost.session("busy")["agent_pid"]
    sent: list[str] = []
    for number in range(ROUNDS):
        names = ("parked", "sleeping", "busy")
        sent += [roost.send(name, f"round {number}")["id"] for name in names]
        roost.kill()
        with Rivals(roost, 4) as rivals:
            rivals.until_one_serves()
        assert alive(agent)
    roost.call("start", name="parked")
    for message_id in sent:
        shown_and_answered_once(roost, message_id)
    assert roost.session("busy")["agent_pid"] == agent
    for name in ("busy", "sleeping", "parked"):
        row = roost.until_state(name, "idle")
        assert (row["queued"], alive(row["session"]["agent_pid"])) == (0, True)
    living = {each["pid"] for each in roost.happened("start") if alive(each["pid"])}
    assert len(living) == 3


def test_N8_up_starts_its_daemon_when_a_pass_of_gc_lets_go_of_the_lock(home: Home) -> None:
    with roost_in(home, started=False) as roost:
        ensure_private_directory(roost.places.state)
        held = os.open(roost.places.lock, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(held, fcntl.LOCK_EX)
        asked = subprocess.Popen(
            [*door.program(), "up"], env=roost.environ, stdout=subprocess.PIPE, text=True
        )
        log = roost.places.logs / "daemon.log"
        wait_until(
            lambda: log.exists() and "is running already" in log.read_text() and not has_children(asked.pid),
            timeout=PATIENCE,
            why="its first daemon has ended",
        )
        os.close(held)
        said = asked.communicate(timeout=PATIENCE)[0]
        assert asked.returncode == 0
        assert f"is up (pid {roost.call('status')['pid']})" in said
        assert roost.cli("down").returncode == 0


def test_N8_up_waits_for_a_daemon_that_somebody_else_has_just_started(home: Home) -> None:
    """The first one is held in its start, between its lock and its socket."""
    tools, gate = home.root / "bin", home.root / "gate"
    tools.mkdir()
    tmux = tools / "tmux"
    tmux.write_text(GATED_TMUX.format(gate=gate, tmux=shutil.which("tmux")))
    tmux.chmod(0o755)
    os.mkfifo(gate)
    with roost_in(home, started=False) as roost:
        environ = {**roost.environ, "PATH": f"{tools}{os.pathsep}{roost.environ['PATH']}"}
        asked = [
            subprocess.Popen([*door.program(), "up"], env=environ, stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        log = roost.places.logs / "daemon.log"

        def one_found_the_other() -> bool:
            told = log.exists() and "is running already" in log.read_text()
            return told and not all(has_children(each.pid) for each in asked)

        wait_until(one_found_the_other, timeout=PATIENCE, why="one finds the other and its own has ended")
        gate.open("w").close()
        said = [each.communicate(timeout=PATIENCE)[0] for each in asked]
        pid = roost.call("status")["pid"]
        assert [each.returncode for each in asked] == [0, 0]
        assert all(f"(pid {pid})" in each for each in said), said
        assert roost.cli("down").returncode == 0


def test_N4_N8_a_daemon_that_stands_still_keeps_its_place_whatever_is_tidied_up(roost: Roost) -> None:
    """Nobody takes over, and nobody else changes the store; when it goes on, it serves as before."""
    roost.add("a")
    sent = roost.send("a", "@@delay 0.2@@\n@@reply late@@", wait="accepted", timeout=PATIENCE)["id"]
    waiting = roost.send("a", "next")["id"]
    roost.daemon.send_signal(signal.SIGSTOP)
    try:
        for path in (roost.places.socket, roost.places.pid):
            path.unlink()
        with Rivals(roost, 3) as rivals:
            swept = subprocess.run([sys.executable, "-m", "roost.daemon.gc"], env=roost.environ, check=False)
            assert swept.returncode == BUSY
            rivals.until_left(3)
        assert not roost.places.socket.exists()
    finally:
        roost.daemon.send_signal(signal.SIGCONT)
    until_answering(roost)
    for message_id in (sent, waiting):
        shown_and_answered_once(roost, message_id)


def until_answering(roost: Roost) -> None:
    """Wait until the very daemon answers on its socket."""

    def answers() -> bool:
        try:
            return roost.call("status")["pid"] == roost.daemon.pid
        except NoDaemonError:
            return False

    wait_until(answers, timeout=PATIENCE, why="the daemon answers on its socket")


def until_line(lines: IO[bytes], text: bytes) -> None:
    """Read until a line holds the text."""
    assert any(text in line for line in lines), f"nothing said {text!r}"


@pytest.mark.parametrize("how", ["removed", "replaced", "overwritten", "with its folder"])
def test_N8_a_daemon_whose_socket_was_taken_away_is_found_again(roost: Roost, how: str) -> None:
    """Whoever waits on it goes on waiting, and `up` finds it instead of a circle of advice."""
    roost.add("a", "human")
    path, beside = roost.places.socket, roost.places.run.with_name("beside")
    with (
        subprocess.Popen(
            [*roost.program(), "inbox", "a", "--follow"],
            env=roost.environ,
            stdout=subprocess.PIPE,
        ) as follower,
        socket.socket(socket.AF_UNIX) as stranger,
    ):
        assert follower.stdout is not None
        roost.send("a", "first")
        until_line(follower.stdout, b"first")
        if how == "with its folder":
            roost.places.run.rename(beside)
        else:
            path.unlink()
        if how == "replaced":
            stranger.bind(str(path))
        elif how == "overwritten":
            path.write_text("")
        until_answering(roost)
        up = roost.cli("up")
        assert (up.returncode, f"pid {roost.daemon.pid}" in up.stdout) == (0, True), up
        roost.send("a", "second")
        until_line(follower.stdout, b"second")
        follower.terminate()


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_N4_a_daemon_paused_in_the_midst_of_a_delivery_goes_on_where_it_was(home: Home) -> None:
    """Others are started meanwhile. A second paste could only come of one that takes over: none can."""
    with roost_in(home, started=False) as roost:
        victim = Victim(roost)
        victim.start()
        roost.add("a")
        roost.call("wake", name="a")
        for instant in INSTANTS:
            victim.command(instant, number=signal.SIGSTOP)
            sent = subprocess.Popen(
                [*roost.program(), "send", "a", instant, "--wait", "done"],
                env=roost.environ,
                stdout=subprocess.PIPE,
                text=True,
            )
            wait_until(lambda: is_paused(roost.daemon.pid), timeout=PATIENCE, why=f"it is paused {instant}")
            with Rivals(roost, 2) as rivals:
                rivals.until_left(2)
            roost.daemon.send_signal(signal.SIGCONT)
            said, _ = sent.communicate(timeout=PATIENCE)
            shown_and_answered_once(roost, said.strip())
        assert len(roost.happened("start")) == 1


def test_N4_a_key_that_two_programs_use_at_once_means_one_message(roost: Roost) -> None:
    """Each is a process of its own; a third one comes after a restart."""
    roost.add("a")
    words = ["send", "a", "once", "--key", "k"]
    command = [*roost.program(), *words]
    asked = [
        subprocess.Popen(command, env=roost.environ, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    ids = {each.communicate(timeout=PATIENCE)[0].strip() for each in asked}
    roost.kill()
    roost.start()
    ids.add(roost.cli(*words).stdout.strip())
    (message_id,) = ids
    shown_and_answered_once(roost, message_id)
    assert len(roost.happened("prompt")) == 1


def connected(roost: Roost) -> int:
    """How many connections there are to the daemon's socket, taken or not."""
    rows = Path("/proc/net/unix").read_text().splitlines()
    return sum(1 for row in rows if row.endswith(f" {roost.places.socket}")) - 1


def test_G13_up_while_the_daemon_is_being_killed_starts_another(roost: Roost) -> None:
    """It has connected to one that ends before it answers."""
    roost.daemon.send_signal(signal.SIGSTOP)
    before = connected(roost)
    command = [*door.program(), "up"]
    up = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=roost.environ)
    wait_until(lambda: connected(roost) > before, timeout=PATIENCE, why="`up` has connected")
    roost.kill()
    said, complaint = up.communicate(timeout=PATIENCE)
    assert (up.returncode, complaint) == (0, b"")
    pid = int(said.split(b"(pid ")[1].split(b")")[0])
    handle = os.pidfd_open(pid)
    roost.call("down", agents=False)
    select.select([handle], [], [], PATIENCE)
    os.close(handle)
