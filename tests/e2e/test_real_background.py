"""C1, C9: the end of a turn is not the end of work that the agent left running."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Roost
from tests.support.real import PATIENCE, Agents, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(960)]


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with cleared_agents(shared) as made:
        if made.runtime == "claude":  # so that it may start commands without a question
            made.settings["claude"]["args"] = "--allowedTools Bash"
        yield made


def starts(agents: Agents, made: Path) -> str:
    """The directive by which the model starts a command in the background.

    It runs until there is a file `go` in its folder, and makes a file at its end.
    """
    command = f"until test -e go; do sleep 0.1; done && touch {made}"
    if agents.runtime == "claude":
        return f'@@tool Bash {{"command":"{command}","description":"x","run_in_background":true}}@@'
    return f'@@tool exec_command {{"cmd":"{command}","yield_time_ms":300}}@@'


def words(agents: Agents) -> str:
    return "runs until" if agents.runtime == "claude" else "1 background terminal running"


def outlasts(roost: Roost, seconds: float) -> None:
    """The session lives, and goes on living for so long."""
    begun = time.monotonic()
    wait_until(
        lambda: roost.deaths("a") or time.monotonic() - begun >= seconds,
        timeout=PATIENCE,
        why="its bound has passed",
    )
    assert roost.deaths("a") == []


def test_C1_a_session_is_kept_while_a_command_runs_in_the_background(agents: Agents) -> None:
    """Each program shows in its own way that it runs; what follows from that, Codex does below."""
    roost = agents.roost
    agents.add("a", agents.runtime, idle="1s")
    made = roost.home.work / "a" / "made"
    sent = roost.send("a", f"{starts(agents, made)}\n@@reply started@@")
    roost.until_message(sent["id"], "done")
    wait_until(
        lambda: words(agents) in roost.row("a")["why"],
        timeout=PATIENCE,
        why="the row says what keeps it",
        describe=lambda: roost.row("a"),
    )
    assert roost.row("a")["state"] == "idle"
    outlasts(roost, 3.0)
    assert roost.ask("a", "and meanwhile") == "echo: and meanwhile"
    (made.parent / "go").touch()
    wait_until(made.exists, timeout=PATIENCE, why="the command has come to its end")
    assert roost.until_death("a")["cause"] == "idle-sleep"


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
def test_C1_a_worker_that_only_started_its_work_is_not_taken_for_silent(agents: Agents) -> None:
    roost = agents.roost
    agents.add("a", agents.runtime, wake="ephemeral", quiet="500ms")
    made = roost.home.work / "a" / "made"
    sent = roost.send("a", f"{starts(agents, made)}\n@@silent@@")
    roost.until_message(sent["id"], "done")
    wait_until(
        lambda: words(agents) in roost.row("a")["why"], timeout=PATIENCE, why="it is known that it runs"
    )
    roost.call("set", name="a", pairs=[["silence", "2s"]])
    outlasts(roost, 4.0)
    (made.parent / "go").touch()
    wait_until(made.exists, timeout=PATIENCE, why="the work was done")
    assert roost.until_death("a")["cause"] == "ephemeral-silent"
    (told,) = wait_until(agents.notices, timeout=PATIENCE, why="its sender hears of it")
    assert told["outcome"] == "unanswered"
    assert "without an answer" in told["why"]


@pytest.mark.parametrize("shared", ["codex"], indirect=True)
def test_C1_what_is_kept_has_a_bound(agents: Agents) -> None:
    roost = agents.roost
    agents.add("a", agents.runtime, idle="1s")
    made = roost.home.work / "a" / "made"
    sent = roost.send("a", f"{starts(agents, made)}\n@@reply started@@")
    roost.until_message(sent["id"], "done")
    wait_until(
        lambda: words(agents) in roost.row("a")["why"], timeout=PATIENCE, why="it is known that it runs"
    )
    roost.call("set", name="a", pairs=[["work_limit", "2s"]])
    assert roost.until_death("a")["cause"] == "idle-sleep"
    (slept,) = [event for event in roost.events("a", "stopping") if event["cause"] == "idle-sleep"]
    assert words(agents) in slept["data"]["why"]


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
def test_C9_a_timer_keeps_its_session(agents: Agents) -> None:
    roost = agents.roost
    agents.add("a", "claude", idle="2s")
    timer = '@@tool ScheduleWakeup {"delaySeconds":60,"prompt":"look at the build","reason":"build"}@@'
    roost.until_message(roost.send("a", f"{timer}\n@@silent@@")["id"], "done")
    wait_until(
        lambda: "a timer is set for" in roost.row("a")["why"],
        timeout=PATIENCE,
        why="the row says what keeps it",
        describe=lambda: roost.row("a"),
    )
    roost.kill()
    roost.start()  # what keeps it stands in its record, so that no restart forgets it
    wait_until(
        lambda: "a timer is set for" in roost.row("a")["why"],
        timeout=PATIENCE,
        why="a daemon that joins it knows of it",
        describe=lambda: roost.row("a"),
    )
    agents.model.journal.wait_for(lambda arrival: "look at the build" in arrival.user_texts, timeout=PATIENCE)
    assert roost.deaths("a") == []
    assert roost.until_death("a")["cause"] == "idle-sleep"
