"""OpenCode by its API: messages, state and permissions, deaths and restarts, with the fake model."""

import pytest

from tests.e2e.test_real_delivery import body_of
from tests.support.home import Home
from tests.support.real import PATIENCE, agents_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_P1_bodies_arrive_whole_at_the_model(home: Home) -> None:
    with agents_in(home, "opencode") as agents:
        agents.add("a", "opencode")
        for size in (100 * 1024, 607, 8 * 1024):
            body = body_of(size)
            sent = agents.roost.send("a", body, wait="done", timeout=PATIENCE)
            assert agents.text(sent["id"]) == agents.roost.pasted(sent["id"], body), size
            outcomes = [attempt["outcome"] for attempt in agents.roost.message(sent["id"])["attempts"]]
            assert outcomes == ["offered", "accepted", "done"]
        assert agents.roost.session("a")["generation"] == 1
