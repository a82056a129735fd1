"""A person opens a peer's conversation with the real CLI, beside roost (P5)."""

import os
from collections.abc import Iterator

import pytest

from tests.support import clis
from tests.support.home import Home
from tests.support.pane import Pane
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@pytest.fixture(params=["claude", "codex"])
def agents(request: pytest.FixtureRequest, home: Home) -> Iterator[Agents]:
    with agents_in(home, request.param, peers=("a",)) as made:
        yield made


def by_hand(agents: Agents, runtime: str, conversation: str) -> Pane:
    """The CLI on a conversation, as a person starts it in the peer's folder."""
    given = agents.settings[runtime]
    environ = {name.removeprefix("env."): value for name, value in given.items() if name.startswith("env.")}
    program = str(clis.require(runtime).path)
    argv = {
        "claude": [program, "--resume", conversation],
        "codex": [program, "resume", conversation, "--no-daemon", "--disable", "plugins"],
    }[runtime]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ROOST_HOME")}
    home = agents.roost.home
    pane = Pane(home.root, argv, environ={**environment, **environ}, directory=home.work / "a")
    # Codex 0.169.0 takes its lock only when it shows what was said.
    pane.wait_for("end of roost message")
    return pane


def test_P5_a_conversation_that_a_person_has_open_is_waited_for(agents: Agents) -> None:
    runtime = agents.runtime
    roost = agents.roost
    agents.add("a", runtime, resume="always")
    assert roost.ask("a", "one") == "echo: one"
    conversation = roost.session("a")["conversation"]
    assert roost.call("show", name="a")["held_by"] is None
    roost.call("stop", name="a")
    roost.call("start", name="a")
    with by_hand(agents, runtime, conversation) as pane:
        # Claude Code 2.1.332 shows what was said before it writes down that it has the conversation open.
        wait_until(
            lambda: roost.call("show", name="a")["held_by"],
            timeout=PATIENCE,
            why="the conversation is known to be open",
        )
        sent = roost.send("a", "two")
        row = roost.until_state("a", "blocked")
        assert "not started by roost" in row["why"]
        assert runtime in row["why"]
        assert row["session"]["agent_pid"] is None
        assert roost.message(sent["id"])["state"] == "queued"
        pane.kill()
        roost.until_message(sent["id"], "done")
    assert roost.session("a")["conversation"] == conversation
    assert agents.shown(sent["id"]) == 1
    assert not any(death["counted"] for death in roost.deaths("a"))
