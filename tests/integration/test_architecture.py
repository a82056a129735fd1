"""The pictures of docs/architecture.md beside what a real daemon calls, in which order."""

import signal
import sys
from collections.abc import Iterator

import pytest

from roost.store.reader import Reader
from tests.support.daemon import Roost, signal_pid
from tests.support.home import Home
from tests.support.pictures import missed, picture
from tests.support.wait import wait_until

PATIENCE = 30.0


class Traced:
    """A roost whose daemon notes what it calls."""

    def __init__(self, home: Home) -> None:
        self.roost = Roost(home, None)
        self._traces = home.root / "traces"
        self._traces.mkdir()
        self._asked = 0

    def start(self) -> None:
        self.roost.start(
            sys.executable,
            "-m",
            "tests.support.traced_daemon",
            environ={"ROOST_TRACES": str(self._traces)},
        )

    def calls(self) -> list[str]:
        """What was called since this was asked last."""
        self._asked += 1
        path = self._traces / str(self._asked)
        self.roost.daemon.send_signal(signal.SIGUSR2)
        wait_until(path.exists, timeout=PATIENCE, why="the daemon wrote down what it called")
        return path.read_text().splitlines()

    def open_intents(self) -> list[str]:
        reader = Reader(self.roost.places.database)
        try:
            return [intent.key for intent in reader.load().intents]
        finally:
            reader.close()


@pytest.fixture
def traced(home: Home) -> Iterator[Traced]:
    made = Traced(home)
    made.start()
    try:
        yield made
    finally:
        made.roost.finish()


def test_a_message_and_a_death_go_their_way_as_they_are_drawn(traced: Traced) -> None:
    roost = traced.roost
    roost.add("a")
    roost.call("wake", name="a")
    roost.until_state("a", "idle")

    traced.calls()
    roost.until_message(roost.send("a", "hello")["id"], "done")
    _, *parts = picture("The way of a message").values()
    assert missed([step for part in parts for step in part], traced.calls()) is None

    roost.until_state("a", "idle")
    agent = roost.session("a")["agent_pid"]
    traced.calls()
    signal_pid(agent, signal.SIGKILL)
    roost.until_death("a")
    wait_until(lambda: not traced.open_intents(), timeout=PATIENCE, why="its tree is empty")
    calls = traced.calls()
    _, *heard, told, cleared = picture("The way of a death").values()
    for part in (*heard, [*told, *cleared]):  # the daemon hears of it in two ways, whichever comes first
        assert missed(part, calls) is None
