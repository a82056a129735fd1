"""`roost run`: a program in a person's own terminal is a peer (issue 17, H6, P5, P9, N6, L2)."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.daemon import Roost, alive, cleared, environ_of, shared_roost, signal_pid
from tests.support.pseudo_terminal import PseudoTerminal
from tests.support.truth import carriers
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


@contextmanager
def running(roost: Roost, *words: str) -> Iterator[PseudoTerminal]:
    """`roost run` on a terminal of its own, as a person types it; what it ran has ended with the block."""
    command = [sys.executable, "-m", "roost", "run", *words]
    environ = {**roost.environ, "TERM": "xterm", "THEIRS": "mine"}
    terminal = PseudoTerminal(command, environ)
    try:
        yield terminal
    finally:
        terminal.end()


def at_its_prompt(roost: Roost, terminal: PseudoTerminal, name: str) -> dict[str, object]:
    """The session, once its program stands at its prompt there."""
    terminal.sees("demo> ")
    roost.until_state(name, "idle")
    return roost.session(name)


def test_H6_it_is_a_peer_of_its_own_kind_whose_exit_is_the_programs(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        session = at_its_prompt(roost, terminal, "me")
        assert session["shim_pid"] == terminal.process.pid
        assert session["server_pid"] is None
        row = roost.row("me")
        assert (row["kind"], row["wake"], row["dir"]) == ("own-terminal", "never", str(Path.cwd()))
        assert "own terminal" in roost.cli("show", "me").stdout
        assert roost.places.terminal(str(session["id"])).exists() is False  # no tmux
        # It has the person's environment, and ours on top.
        environ = environ_of(int(str(session["agent_pid"])))
        assert (environ["THEIRS"], environ["ROOST_PEER"]) == ("mine", "me")
        terminal.type(b"@@exit 3@@\r")
        assert terminal.exit_code() == 3
    death = roost.until_death("me")
    assert (death["cause"], death["exit_code"], death["counted"]) == ("crashed", 3, False)
    row = roost.row("me")
    assert (row["state"], row["session"]) == ("asleep", None)
    assert "nobody runs it now" in row["why"]


def test_P5_nothing_but_the_operators_stop_ends_it_and_nothing_wakes_it(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        session = at_its_prompt(roost, terminal, "me")
        roost.call("set", name="me", pairs=[["idle", "1ms"]])
        for words in (["sleep", "me"], ["restart", "me"], ["wake", "me", "--fresh"], ["interrupt", "me"]):
            refused = roost.cli(*words)
            assert refused.returncode == 1, words
            assert "own terminal" in refused.stderr
        assert "own terminal" in roost.cli("screen", "me").stderr
        told = roost.cli("stop", "--all")
        assert "`roost stop me` ends it" in told.stderr
        assert told.stdout == "no peers to stop\n"
        assert roost.session("me")["id"] == session["id"]
        assert terminal.process.poll() is None
        roost.call("stop", name="me")
        terminal.until(lambda: terminal.process.poll() is not None, "its end")
    death = roost.until_death("me")
    assert (death["cause"], death["by"]) == ("operator-stop", "operator")
    assert carriers(str(session["id"])) == []
    assert "roost run me" in roost.cli("start", "me").stderr + roost.cli("wake", "me").stderr
    for words in (["screen", "me"], ["compact", "me"]):
        assert "`roost run me`" in roost.cli(*words).stderr, words
    kept = roost.cli("send", "me", "for later")
    assert kept.returncode == 0
    assert "nobody runs 'me' now: the message is kept" in kept.stderr
    roost.call("set", name="me", pairs=[["away", "refuse"]])
    refused = roost.cli("send", "me", "not now")
    assert refused.returncode != 0
    assert "roost run me" in refused.stderr


def test_H6_a_name_is_run_once_and_by_whom_it_belongs_to(roost: Roost) -> None:
    roost.add("other")
    roost.call("wake", name="other")
    assert "roost attach other" in roost.cli("run", "other", "--", "demo").stderr
    assert "runs demo" in roost.cli("run", "other", "--", "claude").stderr
    assert "-- claude" in roost.cli("run", "nobody").stderr
    with running(roost, "me", "--", "demo") as terminal:
        at_its_prompt(roost, terminal, "me")
        second = roost.cli("run", "me", "--", "demo")
        assert second.returncode == 1
        assert "roost stop me" in second.stderr
        terminal.type(b"first\r")
        terminal.sees("first")


def test_H6_one_whose_process_ends_before_it_begins_is_over_at_once(roost: Roost) -> None:
    """Ctrl-C right after Enter: its peer was `starting` for half a minute, and could not be run again."""
    leaves = "import os, roost.cli.main as main; os.execve = lambda *_: os._exit(7); main.main()"
    words = [sys.executable, "-c", leaves, "run", "me", "--", "demo"]
    done = subprocess.run(words, env=roost.environ, check=False, timeout=PATIENCE)
    assert done.returncode == 7
    death = roost.until_death("me")
    assert death["cause"] == "not-started"
    assert "the process that was to run it had ended" in death["evidence"]
    with running(roost, "me", "--", "demo") as terminal:
        at_its_prompt(roost, terminal, "me")


def test_L2_a_daemon_that_is_killed_leaves_it_alone_and_the_next_one_has_it_again(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        session = at_its_prompt(roost, terminal, "me")
        roost.kill()
        terminal.type(b"while it is away\r")
        terminal.sees("echo: while it is away")
        roost.start()
        roost.until_state("me", "idle")
        assert roost.session("me")["id"] == session["id"]
        assert roost.row("me")["kind"] == "own-terminal"
        roost.down(agents=True)
        assert terminal.process.poll() is None
        roost.start()
        roost.until_state("me", "idle")
        begin = time.monotonic()
        signal_pid(int(str(session["agent_pid"])), signal.SIGKILL)
        death = roost.until_death("me")
        assert time.monotonic() - begin < 5
        assert (death["cause"], death["signal"]) == ("crashed", 9)
        assert terminal.exit_code() == -signal.SIGKILL


def test_P9_one_that_ended_while_no_daemon_ran_is_closed_by_its_record(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        at_its_prompt(roost, terminal, "me")
        roost.kill()
        terminal.type(b"@@exit 4@@\r")
        assert terminal.exit_code() == 4
    roost.start()
    assert roost.until_death("me")["exit_code"] == 4


def test_P9_a_closed_terminal_is_the_cause(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        session = at_its_prompt(roost, terminal, "me")
        terminal.hang_up()
        assert roost.until_death("me")["cause"] == "terminal-closed"
        wait_until(lambda: not alive(int(str(session["shim_pid"]))), timeout=PATIENCE, why="its end")


def test_P9_one_that_is_killed_while_its_shell_has_stopped_it_is_noticed(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        session = at_its_prompt(roost, terminal, "me")
        signal_pid(int(str(session["shim_pid"])), signal.SIGSTOP)
        signal_pid(int(str(session["agent_pid"])), signal.SIGKILL)
        death = roost.until_death("me")
        assert (death["signal"], death["by"]) == (9, None)  # recorded, and not ended by us after a while


def test_N6_a_death_shows_within_50_ms(roost: Roost) -> None:
    """As for any session: the shim's record is announced, and the row closes.

    On a machine that is too busy for that: before the daemon has answered 50 requests in the meantime.
    """
    rounds: list[tuple[float, int]] = []
    for _ in range(12):
        with running(roost, "me", "--", "demo") as terminal:
            session = at_its_prompt(roost, terminal, "me")
            known, answers = len(roost.deaths("me")), 0
            begin = time.monotonic()
            signal_pid(int(str(session["agent_pid"])), signal.SIGKILL)
            while roost.row("me")["session"] is not None:
                answers += 1
                assert time.monotonic() - begin < PATIENCE
            rounds.append((time.monotonic() - begin, answers))
            roost.until_death("me", known + 1)
    late = [each for each in rounds if each[0] >= 0.05 and each[1] >= 50]
    assert len(late) < len(rounds) / 2, rounds


def test_H6_it_goes_on_with_its_conversation_when_asked(roost: Roost) -> None:
    with running(roost, "me", "--", "demo") as terminal:
        first = at_its_prompt(roost, terminal, "me")["conversation"]
        terminal.type(b"remember\r")
        terminal.sees("echo: remember")
        terminal.type(b"@@exit 0@@\r")
        terminal.exit_code()
    roost.until_death("me")
    with running(roost, "me", "--resume") as terminal:
        session = at_its_prompt(roost, terminal, "me")
        assert (session["conversation"], session["resumed"]) == (first, True)
    roost.until_death("me", 2)
    with running(roost, "me") as terminal:
        assert at_its_prompt(roost, terminal, "me")["conversation"] != first
