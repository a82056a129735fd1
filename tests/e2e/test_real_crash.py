"""The daemon dies around the paste and around the Enter of a delivery to a real CLI (N4, N8)."""

import contextlib
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from roost.client.connection import ConnectionLostError
from tests.support.daemon import environ_of
from tests.support.home import Home
from tests.support.real import LONG, PATIENCE, Agents, agents_in
from tests.support.victim import Victim

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
INSTANTS = (
    "after commit offered",
    "after _load",
    "after paste",
    "before keys",
    "after keys",
    "before commit accepted",
)
HOOK = """
import os, sys, urllib.request
url, token = os.environ["ROOST_URL"] + "/hooks/UserPromptSubmit", os.environ["ROOST_TOKEN"]
headers = {"Authorization": "Bearer " + token}
urllib.request.urlopen(urllib.request.Request(url, sys.argv[1].encode(), headers), timeout=20)
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
    for instant in INSTANTS:
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


def test_N4_hooks_of_one_prompt_on_both_sides_of_a_restart_take_it_once(agents: Agents) -> None:
    """Each hook is a process of its own, as an agent starts them: before, between and after two daemons."""
    roost = agents.roost.start()
    agents.add("a", agents.runtime)
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
