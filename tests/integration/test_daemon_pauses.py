"""G9: no deadline comes nearer while the daemon, or all there is, stands still."""

import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.support.daemon import Roost, roost_in, signal_pid
from tests.support.home import Home
from tests.support.wait import wait_until

SILENCE = 1.5
PAUSE = 2.0
SLACK = 0.3
"""Seconds: a worker's bound, how long all stands still, and how much too short a pause may be measured."""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home, started=False) as made:
        made.start(sys.executable, "-m", "tests.support.short_pauses_daemon")
        yield made


def stand_still(*pids: int, seconds: float = PAUSE) -> None:
    """Stop processes for a while, as a frozen container does."""
    for pid in pids:
        signal_pid(pid, signal.SIGSTOP)
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= until, timeout=2 * seconds, why="the pause is over")
    for pid in reversed(pids):
        signal_pid(pid, signal.SIGCONT)


def test_G9_a_pause_of_all_processes_moves_the_bound_of_a_silent_worker(roost: Roost) -> None:
    roost.add("e", wake="ephemeral", quiet="100ms", silence=f"{SILENCE}s")
    sent = roost.send("e", "@@hang@@", wait="accepted", timeout=20)["id"]
    session = roost.session("e")
    stand_still(roost.daemon.pid, *(session[f"{part}_pid"] for part in ("shim", "server", "agent")))
    death = roost.until_death("e")
    assert death["cause"] == "ephemeral-silent"
    began, ended = roost.message(sent)["accepted_at"], roost.events("e", "stopping")[0]["ts"]
    waited = datetime.fromisoformat(ended) - datetime.fromisoformat(began)
    assert waited.total_seconds() >= SILENCE + PAUSE - SLACK


def test_G9_what_came_while_only_the_daemon_stood_still_counts(roost: Roost) -> None:
    """The answer waits at the daemon's door, and the end of the turn in the record."""
    roost.add("e", wake="ephemeral", quiet="100ms", silence="8s")
    sent = roost.send("e", "@@delay 0.5@@", wait="accepted", timeout=20)["id"]
    stand_still(roost.daemon.pid, seconds=8.5)
    assert roost.until_message(sent, "done", "dead-letter")["state"] == "done"
    assert roost.until_death("e")["cause"] == "ephemeral-done"
