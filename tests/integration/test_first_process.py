"""`roost up --foreground` as the first process of a container: nobody else takes what ends in there."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.host.process import SystemProcesses
from tests.integration.test_truth_hosts import allowed
from tests.support.daemon import PATIENCE, Roost
from tests.support.home import Home
from tests.support.wait import wait_until

pytestmark = pytest.mark.skipif(not allowed(), reason="this system gives no namespaces to this user")


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    made = Roost(home)
    made.process = subprocess.Popen(
        ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *made.program(), "up", "--foreground"],
        stdin=subprocess.DEVNULL,
        env=made.environ,
        start_new_session=True,
    )
    try:
        wait_until(made.places.socket.exists, timeout=PATIENCE, why="it answers")
        yield made
    finally:
        made.process.kill()  # and with it all that is in the container
        made.process.wait(PATIENCE)


def first(roost: Roost) -> int:
    """The first process of the container, by its pid out here."""
    return children(roost.daemon.pid)[0]


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def zombies(pid: int) -> list[int]:
    def state(child: int) -> str:
        return Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]

    return [child for child in children(pid) if state(child) == "Z"]


def test_what_a_session_leaves_is_taken_and_a_signal_ends_the_daemon(roost: Roost) -> None:
    before = children(first(roost))
    roost.add("a")
    assert roost.ask("a", "hello") == "echo: hello"
    assert len(children(first(roost))) > len(before), "what outlives who started it is left to it"
    roost.call("stop", name="a")
    wait_until(
        lambda: children(first(roost)) == before,
        timeout=PATIENCE,
        why="nothing is left of the session",
        describe=lambda: zombies(first(roost)),
    )
    machine = SystemProcesses()
    container = machine.identify(first(roost))
    assert container is not None
    assert machine.signal(container, signal.SIGTERM)
    assert roost.daemon.wait(PATIENCE) == 0
    assert not roost.places.socket.exists(), "it ended in order"
