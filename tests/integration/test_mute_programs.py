"""F29: a program from config.toml that never shows what is pasted, or whose prompt pattern always matches."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import Roost
from tests.support.home import Home
from tests.support.wait import wait_until

PATIENCE = 30.0
PROGRAM = Path(__file__).resolve().parent.parent / "support" / "mute_agent.py"
CONFIG = """
[runtimes.mute]
argv = [{python}, {program}, "{{dir}}/entered", "{{dir}}/record"]
ready = 'mute>'
accept_log = "{{dir}}/record"
turn_done = '"type": "turn_done"'

[runtimes.dumb]
argv = [{python}, {program}, "{{dir}}/entered"]
ready = 'mute>'
accept_log = "{{dir}}/record"
"""
DAEMON = """
from roost.daemon import __main__ as m
from roost.daemon.delivery.paste import submission
submission.EVIDENCE = 0.5
m.leave(m.main())
"""
"""A daemon that waits for less long where no evidence comes."""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    words = {"python": json.dumps(sys.executable), "program": json.dumps(str(PROGRAM))}
    (home.roost / "config.toml").write_text(CONFIG.format(**words))
    made = Roost(home)
    try:
        yield made.start(sys.executable, "-c", DAEMON)
    finally:
        made.finish()


def entered(roost: Roost, name: str) -> list[str]:
    path = roost.home.work / name / "entered"
    return [json.loads(line)["entered"] for line in path.read_text().splitlines()] if path.exists() else []


def test_F29_what_does_not_show_is_entered_once_and_never_pasted_again(roost: Roost) -> None:
    """One that records its prompts, and one that records nothing although its accept_log was named."""
    roost.add("kept", "mute")
    roost.add("lost", "dumb")
    sent = roost.send("kept", "one\ntwo")["id"]
    doubtful = roost.send("lost", "one\ntwo")["id"]
    roost.until_message(sent, "done")
    (text,) = entered(roost, "kept")
    assert roost.pasted(sent, "one\ntwo") in text
    told = roost.until_message(doubtful, "unknown")
    assert told["why"] == "it was handed over, and no record names it"
    again = roost.send("kept", "three")["id"]
    roost.until_message(again, "done")
    assert len(entered(roost, "kept")) == 2
    wait_until(lambda: len(entered(roost, "lost")) == 1, timeout=PATIENCE, why="it was entered")
    (text,) = entered(roost, "lost")
    assert text.count(f"[roost message {doubtful}") == 1
    assert [each["outcome"] for each in told["attempts"]].count("offered") == 1
