"""Connections to living terminals that are lost are made again; nobody is killed for them (N5, N8)."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Roost, alive, roost_in, signal_pid
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 20.0


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
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
        roost.until_state("a", "unknown")
        assert alive(before["agent_pid"])
    finally:
        signal_pid(before["server_pid"], signal.SIGCONT)
    roost.until_state("a", "idle")
    assert roost.ask("a", "@@recall@@", topic="t") == "1"
    assert roost.session("a")["agent_pid"] == before["agent_pid"]
    assert roost.events("a", "stopped") == []
