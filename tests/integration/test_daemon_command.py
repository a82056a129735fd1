"""A program from config.toml as an agent, from end to end."""

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemon import Roost, roost_in, signal_pid
from tests.support.home import Home
from tests.support.lines import json_lines

PATIENCE = 30.0
PROGRAM = Path(__file__).resolve().parent.parent / "support" / "line_agent.py"
CONFIG = """
[runtimes.line]
argv = [{python}, {program}, "{{dir}}/{{conversation}}.log"]
resume_argv = [{python}, {program}, "{{dir}}/{{conversation}}.log", "--resume"]
ready = '(?m)^line> $'
busy = 'busy with it'
blocked = 'Proceed\\?'
accept_log = "{{dir}}/{{conversation}}.log"
turn_done = '"type": "turn_done"'
submit_delay = "20ms"
[runtimes.line.env]
WHO = "{{peer}}"
"""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    words = {"python": json.dumps(sys.executable), "program": json.dumps(str(PROGRAM))}
    (home.roost / "config.toml").write_text(CONFIG.format(**words))
    with roost_in(home) as made:
        made.add("a", "line", idle="1h")
        yield made


def log(roost: Roost, kind: str) -> list[dict[str, Any]]:
    """What the program wrote down, over all conversations."""
    logs = sorted((roost.home.work / "a").glob("*.log"))
    return [entry for path in logs for entry in json_lines(path) if entry["type"] == kind]


def test_a_program_from_the_config_file_takes_messages_whole(roost: Roost) -> None:
    bodies = ["first at boot\n--dash $(x) `y` 'q' \"q\" ; \\", "second\n" + "long line ünïcödé\n" * 500]
    sent = [roost.send("a", body, wait="done", timeout=PATIENCE)["id"] for body in bodies]
    assert [entry["text"] for entry in log(roost, "prompt")] == [
        roost.pasted(message_id, body) for message_id, body in zip(sent, bodies, strict=True)
    ]
    environ = Path(f"/proc/{roost.session('a')['agent_pid']}/environ").read_bytes()
    assert b"\0WHO=a\0" in environ


def test_its_dialog_is_left_to_a_person(roost: Roost) -> None:
    first = roost.send("a", "please\nask\n")["id"]
    row = roost.until_state("a", "blocked")
    assert "Proceed?" in row["why"]
    second = roost.send("a", "waits")["id"]
    assert roost.message(second)["state"] == "queued"
    assert log(roost, "answered") == []
    roost.keys("a", "y")
    for message_id in (first, second):
        roost.until_message(message_id, "done")
    assert [entry["key"] for entry in log(roost, "answered")] == ["y"]
    assert len(log(roost, "prompt")) == 2


def test_it_resumes_and_is_adopted(roost: Roost) -> None:
    roost.send("a", "one", topic="t", wait="done", timeout=PATIENCE)
    pid = roost.session("a")["agent_pid"]
    roost.kill()
    roost.start()
    roost.send("a", "two", topic="t", wait="done", timeout=PATIENCE)
    assert roost.session("a")["agent_pid"] == pid
    roost.call("stop", name="a")
    roost.call("start", name="a")
    roost.send("a", "three", topic="t", wait="done", timeout=PATIENCE)
    assert [entry["how"] for entry in log(roost, "begin")] == ["", "--resume"]
    assert len(log(roost, "prompt")) == 3
    signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
    assert roost.until_death("a", 2)["cause"] == "crashed"
    roost.send("a", "four", topic="t", wait="done", timeout=PATIENCE)
    assert roost.events("a", "starting")[-1]["cause"] == "crash-or-self-close"


def test_F27_a_runtime_that_is_added_to_the_file_is_taken_in_and_a_change_is_told(roost: Roost) -> None:
    """The daemon runs meanwhile; a file that cannot be read says where; what is in use stays as it is."""
    path = roost.home.roost / "config.toml"
    before = path.read_text()
    added = before[before.index("[runtimes.line]") :].replace("runtimes.line", "runtimes.other")
    path.write_text(before + added + "nonsense")
    broken = roost.cli("add", "o", "--runtime", "other")
    assert (broken.returncode, "config.toml" in broken.stderr) == (1, True)
    path.write_text(before + added)
    taken = roost.cli("add", "o", "--runtime", "other", "--dir", str(roost.home.work))
    assert (taken.returncode, taken.stderr) == (0, "")
    roost.send("o", "hello", wait="done", timeout=PATIENCE)
    path.write_text((before + added).replace("busy with it", "very busy"))
    changed = roost.cli("set", "a", "runtime=other")
    assert "[runtimes.other] has changed" in changed.stderr
    assert changed.returncode == 0
    said = roost.cli("set", "o", "args=--x", "idle=5").stderr
    assert "args counts from its next session on; `roost restart o`" in said
    assert "unknown runtime 'third'" in roost.cli("add", "t", "--runtime", "third").stderr
