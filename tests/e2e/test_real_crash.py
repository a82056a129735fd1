"""The daemon dies around the paste and around the Enter of a delivery to a real CLI (N4, N8)."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.cli.client import ConnectionLostError
from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
VICTIM = Path(__file__).resolve().parent.parent / "support" / "crash_at.py"
INSTANTS = (
    "after commit offered",
    "after _load",
    "after paste",
    "before keys",
    "after keys",
    "before commit accepted",
)


@pytest.fixture(params=["claude", "codex"])
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param, started=False) as made:
        yield made


def start(agents: Agents) -> Path:
    """Start a daemon that dies at the step whose name is written into the file returned."""
    order = agents.roost.home.root / "order"
    path = os.pathsep.join(path for path in sys.path if path)
    environ = {"ROOST_CRASH": str(order), "PYTHONPATH": path}
    agents.roost.start(sys.executable, str(VICTIM), environ=environ)
    return order


def test_N4_N8_killed_around_paste_and_enter(agents: Agents) -> None:
    order = start(agents)
    agents.add("a", next(name for name in agents.settings if name != "demo"))
    agents.roost.call("wake", name="a")
    for instant in INSTANTS:
        order.write_text(instant)
        with contextlib.suppress(ConnectionLostError):
            agents.roost.send("a", f"killed {instant}", key=instant, wait="done", timeout=PATIENCE)
        assert agents.roost.daemon.wait(PATIENCE) == -signal.SIGKILL, instant
        start(agents)
        sent = agents.roost.send("a", f"killed {instant}", key=instant)
        story = agents.roost.until_message(sent["id"], "done", "unknown", "dead-letter")
        assert story["state"] == "done", (instant, story)
        assert agents.shown(sent["id"]) == 1, (instant, story)
        # An answer that the agent gave while there was no daemon is lost to it; a real model tries again.
        assert len(story["replies"]) <= 1, (instant, story)
    assert agents.roost.session("a")["generation"] == 1
