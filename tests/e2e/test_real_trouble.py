"""The real CLIs while daemons and agents are killed: nothing is lost, nothing is shown twice.

Each program is started once here, and its peer goes from test to test.
"""

import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.support.daemon import alive, environ_of, signal_pid
from tests.support.real import LONG, PATIENCE, Agents, settled_agent, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
ABSENCE = 6.0
"""Seconds: Claude Code 2.1.328 gave up a standing stream in less."""
HOOK = """
import os, sys, urllib.request
url, token = os.environ["ROOST_URL"] + "/hooks/UserPromptSubmit", os.environ["ROOST_TOKEN"]
headers = {"Authorization": "Bearer " + token}
urllib.request.urlopen(urllib.request.Request(url, sys.argv[1].encode(), headers), timeout=20)
"""


@pytest.fixture(scope="module", params=["claude", "codex"])
def shared(request: pytest.FixtureRequest) -> Iterator[Agents]:
    with shared_agents(request.param) as made:
        yield made


@pytest.fixture
def agents(shared: Agents) -> Iterator[Agents]:
    with settled_agent(shared, resume="always") as made:
        yield made


@pytest.fixture
def asleep(shared: Agents) -> Iterator[Agents]:
    """For the first test of all: its peer has not been started yet."""
    with settled_agent(shared, up=False, resume="always") as made:
        yield made


def test_N8_a_daemon_killed_as_the_agent_gets_ready_delivers_once(asleep: Agents) -> None:
    agents = asleep
    sent = agents.roost.send("a", "@@reply once@@")
    wait_until(lambda: agents.roost.events("a", "ready"), timeout=PATIENCE, why="it is ready")
    agents.roost.kill()
    agents.roost.start()
    agents.roost.until_message(sent["id"], "done")
    turns = [arrival for arrival in agents.model.journal.all() if arrival.kind == "turn"]
    # A note on it may follow: its tools were asked for when nobody was there.
    assert sum("@@reply once@@" in text for text in turns[-1].user_texts) == 1
    assert len([one for one in agents.roost.events("a", "adopted") if one["peer"] == "a"]) == 1


def test_N8_a_daemon_killed_in_a_turn_adopts_the_agent_and_sees_its_end(agents: Agents) -> None:
    """The answer comes once there is the next daemon: a client does not ask again where nobody listens."""
    sent = agents.roost.send("a", f"@@delay {LONG}@@\n@@reply late@@", wait="accepted", timeout=PATIENCE)
    agents.arrived(sent["id"])
    before = agents.roost.session("a")
    agents.roost.kill()
    agents.roost.start()
    wait_until(lambda: agents.roost.events("a", "adopted"), timeout=PATIENCE, why="it is taken over")
    agents.model.delays.end()
    assert agents.roost.until_message(sent["id"], "done")["replies"]
    after = agents.roost.session("a")
    assert (after["id"], after["agent_pid"]) == (before["id"], before["agent_pid"])
    assert agents.roost.ask("a", "and again") == "echo: and again"
    assert agents.shown(sent["id"]) == 1


@pytest.mark.parametrize("shared", ["claude"], indirect=True)
def test_N8_an_idle_agent_keeps_its_tools_over_a_long_absence_of_the_daemon(agents: Agents) -> None:
    assert agents.roost.ask("a", "one") == "echo: one"
    agents.roost.kill()
    back = time.monotonic() + ABSENCE
    wait_until(lambda: time.monotonic() >= back, timeout=2 * ABSENCE, why="the daemon has been away for long")
    agents.roost.start()
    assert agents.roost.ask("a", "two") == "echo: two"


def test_N4_hooks_of_one_prompt_on_both_sides_of_a_restart_take_it_once(agents: Agents) -> None:
    """Each hook is a process of its own, as an agent starts them: before, between and after two daemons."""
    roost = agents.roost
    sent = roost.send("a", f"@@delay {LONG}@@\n@@silent@@", wait="accepted", timeout=PATIENCE)["id"]
    agents.arrived(sent)
    session = roost.session("a")
    environ = environ_of(session["agent_pid"])
    prompt = {"session_id": session["conversation"], "prompt": agents.text(sent)}
    told = [hook(environ, prompt), hook(environ, prompt)]
    roost.kill()
    told.append(hook(environ, prompt))
    roost.start()
    told += [hook(environ, prompt), hook(environ, prompt)]
    assert [one.wait(PATIENCE) for one in told[-2:]] == [0, 0]
    for one in told[:3]:
        one.wait(PATIENCE)
    agents.model.delays.end()
    roost.until_message(sent, "done")
    assert agents.shown(sent) == 1
    kinds = Counter(event["kind"] for event in roost.events("a") if event["message"] == sent)
    assert (kinds["offered"], kinds["accepted"], kinds["done"]) == (1, 1, 1)


def hook(environ: dict[str, str], payload: dict[str, str]) -> subprocess.Popen[bytes]:
    """A process that reports a prompt with the session's own token; it fails if nobody hears it."""
    return subprocess.Popen(
        [sys.executable, "-c", HOOK, json.dumps(payload)], env=environ, stderr=subprocess.DEVNULL
    )


def test_a_turn_cut_off_by_a_crash_is_driven_again_once(agents: Agents) -> None:
    known = len(agents.roost.deaths("a"))
    assert agents.roost.ask("a", "first") == "echo: first"
    sent = agents.roost.send("a", f"@@delay {LONG}@@\n@@reply finished@@", wait="accepted", timeout=PATIENCE)
    agents.arrived(sent["id"])
    recorded(agents, sent["id"])
    pid = agents.roost.session("a")["agent_pid"]
    signal_pid(pid, signal.SIGKILL)
    assert agents.roost.until_death("a", known + 1)["cause"] == "crashed"
    assert not alive(pid)
    agents.model.delays.end()  # not before: what the program has started may write down the end of the turn
    assert agents.roost.until_message(sent["id"], "done")
    note = f"Your turn on message {sent['id']} was cut off"
    turns = [arrival for arrival in agents.model.journal.all() if arrival.kind == "turn"]
    last = turns[-1].user_texts
    assert sum(note in text for text in last) == 1
    assert sum("@@reply finished@@" in text for text in last) == 1


def recorded(agents: Agents, message_id: str) -> None:
    """Wait until the message stands in the agent's own record: before that, a crash makes it forget."""
    folders = (".claude/projects", ".codex/sessions")

    def there() -> bool:
        records = [path for folder in folders for path in (agents.roost.home.user / folder).rglob("*.jsonl")]
        return any(f"[roost message {message_id} " in path.read_text() for path in records)

    wait_until(there, timeout=PATIENCE, why="the message is on the agent's disk")
