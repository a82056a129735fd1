"""The daemon dies around the paste and around the Enter of a delivery to a real CLI (N4, N8)."""

import contextlib
import signal
from collections.abc import Iterator

import pytest

from roost.client.connection import ConnectionLostError
from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.victim import Victim

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
INSTANTS = {
    "claude": ("after paste", "after keys", "before commit accepted"),
    "codex": (
        *("after commit offered", "before paste", "after paste"),
        *("before keys", "after keys", "before commit accepted"),
    ),
}
"""Before the paste nothing of it has come to a program, and before the keys what the paste had: the cheaper
one dies at all of them.
"""


@pytest.fixture(params=["claude", "codex"])
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param, started=False) as made:
        yield made


def test_N4_N8_killed_around_paste_and_enter(agents: Agents) -> None:
    victim = Victim(agents.roost)
    victim.start()
    agents.add("a", agents.runtime)
    agents.wake("a")
    for instant in INSTANTS[agents.runtime]:
        victim.command(instant)
        with contextlib.suppress(ConnectionLostError):
            agents.roost.send("a", f"killed {instant}", key=instant, wait="done", timeout=PATIENCE)
        assert agents.roost.daemon.wait(PATIENCE) == -signal.SIGKILL, instant
        victim.start()
        sent = agents.roost.send("a", f"killed {instant}", key=instant)
        story = agents.roost.until_message(sent["id"], "done", "unknown", "dead-letter")
        assert story["state"] == "done", (instant, story)
        assert agents.shown(sent["id"]) == 1, (instant, story)
        # An answer that the agent gave while there was no daemon is lost to it; a real model tries again.
        assert len(story["replies"]) <= 1, (instant, story)
    assert agents.roost.session("a")["generation"] == 1
