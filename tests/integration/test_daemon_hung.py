"""F18: a disk that hangs costs the sessions whose records lie on it, and nobody else."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, alive, roost_in
from tests.support.home import Home
from tests.support.hung_disk import hung

HUNG = [f"h{number}" for number in range(4)]


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home, started=False) as made:
        made.start(sys.executable, "-m", "tests.support.quick_records_daemon")
        yield made


def record(roost: Roost, name: str) -> Path:
    return roost.places.state / "demo" / f"{roost.session(name)['conversation']}.jsonl"


def test_F18_a_hung_record_costs_its_own_session_only(roost: Roost, home: Home) -> None:
    for name in (*HUNG, "free"):
        roost.add(name)
        roost.call("wake", name=name)
    for name in (*HUNG, "free"):
        roost.until_state(name, "idle")
    stopped = roost.session("h0")["agent_pid"]
    far = home.work / "far"
    far.mkdir()
    with hung([*(record(roost, name) for name in HUNG), far]):
        waiting = [roost.send(name, f"to {name}")["id"] for name in HUNG]
        for name in HUNG:
            assert "does not answer" in roost.until_state(name, "unknown")["why"]
        assert roost.ask("free", "hello") == "echo: hello"
        with pytest.raises(RemoteError, match="does not answer"):
            roost.call("add", name="far", settings={"runtime": "demo", "dir": str(far)})
        roost.add("new")
        assert roost.ask("new", "hello") == "echo: hello"
        done = roost.cli("stop", "h0")
        assert done.returncode == 0, done
        assert not alive(stopped)
        found = roost.cli("doctor").stdout
        assert "session of h1: its record cannot be read" in found
    for message in waiting[1:]:
        roost.until_message(message, "done")
        assert len(roost.prompts(message)) == 1
    roost.call("start", name="h0")
    roost.until_message(waiting[0], "done")
