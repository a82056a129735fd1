"""Connections to living terminals that are lost are made again; people join them and leave them (N5, N8)."""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, alive, cleared, shared_roost, signal_pid
from tests.support.home import Home
from tests.support.person import attached
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


def test_N5_all_clients_detached_by_a_person_cost_nothing(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "one", topic="t")
    before = roost.session("a")
    roost.tmux("a", "detach-client", "-s", "main")
    assert roost.ask("a", "@@recall@@", topic="t") == "1"
    assert roost.session("a")["agent_pid"] == before["agent_pid"]
    assert roost.events("a", "stopped") == []


def test_N5_N8_a_socket_removed_while_the_daemon_is_down_kills_nobody(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "one", topic="t")
    before = roost.session("a")
    roost.kill()
    Path(before["socket"]).unlink()
    roost.start()
    wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the session is adopted")
    assert roost.session("a")["agent_pid"] == before["agent_pid"]
    assert roost.ask("a", "@@recall@@", topic="t") == "1"


def test_N5_a_terminal_that_does_not_answer_is_unknown_and_lives_on(roost: Roost) -> None:
    """A stopped tmux server is a broken sensor, not a dead agent."""
    roost.add("a")
    roost.ask("a", "one", topic="t")
    before = roost.session("a")
    roost.kill()
    signal_pid(before["server_pid"], signal.SIGSTOP)
    try:
        roost.start()
        sent = roost.send("a", "meanwhile", topic="t")
        roost.until_state("a", "unknown")
        assert alive(before["agent_pid"])
        tries = {each["why"] for each in roost.message(sent["id"])["attempts"]}
        assert "its session is not taken over yet, and nothing was pasted" in tries
        for asked in ("screen", "attach"):
            with pytest.raises(
                RemoteError, match="of 'a' cannot be reached now: it cannot be taken over: tmux"
            ):
                roost.call(asked, name="a")
        assert "roost restart a --resume" in roost.cli("doctor").stdout
    finally:
        signal_pid(before["server_pid"], signal.SIGCONT)
    roost.until_state("a", "idle")
    assert roost.ask("a", "@@recall@@", topic="t") == "2"
    assert roost.session("a")["agent_pid"] == before["agent_pid"]
    assert roost.events("a", "stopped") == []


def test_F17_a_terminal_whose_socket_was_removed_can_be_joined(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "one", topic="t")
    before = roost.session("a")
    Path(before["socket"]).unlink()
    with attached(roost, "a"):
        pass
    assert roost.session("a")["agent_pid"] == before["agent_pid"]


def test_F17_a_long_home_survives_the_loss_of_its_folder_in_tmp(home: Home) -> None:
    """While the daemon runs and while none does: cleaners of /tmp take what looks old."""
    environ = {**os.environ, "ROOST_HOME": str(home.root / ("long" * 25))}
    roost = Roost(home, environ)
    assert roost.places.run.parent == Path("/tmp")
    try:
        roost.start()
        roost.add("a")
        roost.ask("a", "one", topic="t")
        before = roost.session("a")
        folder = Path(before["socket"]).parent
        shutil.rmtree(folder)
        with attached(roost, "a"):
            pass
        roost.kill()
        shutil.rmtree(roost.places.run)
        roost.start()
        wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the session is adopted")
        assert roost.session("a")["agent_pid"] == before["agent_pid"]
        assert roost.ask("a", "@@recall@@", topic="t") == "1"
    finally:
        roost.finish()
        shutil.rmtree(roost.places.run, ignore_errors=True)


def test_F16_who_is_attached_sees_whose_terminal_it_is_and_how_to_leave(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    with joined(roost, "attach", "a") as person:
        person.shows("Ctrl-b d leaves it running | a: idle")
        roost.send("a", "@@delay 60@@", wait="accepted", timeout=PATIENCE)
        person.shows("leaves it running | a: working")
        person.type("\x02d")
        person.shows("[detached")
        assert person.ended() == 0
    with joined(roost, "attach", "a") as person:
        person.shows("leaves it running | a: working")
        roost.down(agents=False)
        person.shows("roost's daemon does not answer; last seen: a: working")
    roost.start()


def test_F16_a_reader_changes_nothing_and_holds_up_nothing(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    with joined(roost, "attach", "a", "--read-only", rows=10, columns=70) as person:
        person.shows("read-only: Ctrl-b d leaves it running")
        person.type("typed by a reader\r")
        assert roost.ask("a", "hello") == "echo: hello"
        assert "typed by" not in roost.screen("a")
        assert roost.tmux("a", "display-message", "-p", "#{pane_width}x#{pane_height}") == "160x50\n"
        with joined(roost, "attach", "a", rows=30, columns=90) as other:
            other.shows("Ctrl-b d leaves it running | a: idle")
            size = "#{pane_width}x#{pane_height}"
            wait_until(
                lambda: roost.tmux("a", "display-message", "-p", size) == "90x29\n",
                timeout=PATIENCE,
                why="the terminal follows who can type",
            )


def test_F16_inside_a_tmux_with_the_same_prefix_the_way_out_is_another(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    outer = roost.home.root / "outer"
    tmux = ["tmux", "-f", os.devnull, "-S", str(outer)]
    subprocess.run([*tmux, "new-session", "-d", "sleep 1000"], env=roost.environ, check=True)
    pid = subprocess.run(
        [*tmux, "display-message", "-p", "#{pid}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    try:
        with joined(roost, "attach", "a", TMUX=f"{outer},{pid},0", TERM="tmux-256color") as person:
            person.shows("Ctrl-b Ctrl-b d leaves it running (Ctrl-b d would")
            person.shows("in a tmux with the same prefix: Ctrl-b Ctrl-b d")
    finally:
        subprocess.run([*tmux, "kill-server"], check=True)


class Person:
    """Someone at a terminal of their own: what it shows, and keys."""

    def __init__(self, terminal: int, process: "subprocess.Popen[bytes]") -> None:
        self._terminal = terminal
        self._process = process
        self._seen = b""

    def shows(self, text: str) -> None:
        """Wait until it shows the text, after what was waited for before."""

        def there() -> bool:
            while select.select([self._terminal], [], [], 0)[0]:
                try:
                    data = os.read(self._terminal, 65536)
                except OSError:
                    break
                if not data:
                    break
                self._seen += data
            return text in self._plain()

        wait_until(there, timeout=PATIENCE, why=f"{text!r} is shown", describe=lambda: self._seen[-2000:])
        self._seen = self._plain().partition(text)[2].encode()

    def _plain(self) -> str:
        return _ESCAPES.sub("", self._seen.decode(errors="replace"))

    def type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def ended(self) -> int:
        return self._process.wait(PATIENCE)


_ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()].|\x1b[=>]|\x0f")


@contextmanager
def joined(roost: Roost, *words: str, rows: int = 24, columns: int = 120, **environ: str) -> Iterator[Person]:
    """A person who types a command of roost in a terminal of this size."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    code = (
        "import fcntl, os, runpy, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
        "sys.argv[0] = 'roost'; runpy.run_module('roost', run_name='__main__')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**roost.environ, "TERM": "xterm", **environ},
    )
    os.close(follower)
    try:
        yield Person(leader, process)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE)
        os.close(leader)
