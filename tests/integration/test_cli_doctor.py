"""`roost doctor` against a real socket: what it looks at, what it tells to do."""

import json
import os
import subprocess
import sys

import pytest

from roost.cli.main import main
from roost.local.paths import find_places
from tests.support.home import Home
from tests.support.rpc_server import RpcServer, error, result

Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("home")


def test_doctor_joins_its_own_findings_with_the_daemons(daemon: RpcServer, capsys: Captured) -> None:
    daemon.on("status", result({"version": "0.1.0", "pid": 7}))
    daemon.on("doctor", result([{"check": "http", "ok": False, "detail": "port taken", "fix": "roost down"}]))
    assert main(["doctor", "--json"]) == 1
    found = {each["check"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["daemon"]["ok"] is True
    assert found["http"]["fix"] == "roost down"
    assert found["socket"]["ok"] is True


def test_F7_a_daemon_from_before_it_could_compare_is_told_and_has_a_cure(
    daemon: RpcServer, capsys: Captured
) -> None:
    daemon.on("status", result({"version": "0.0.9", "pid": 7}))
    daemon.on("doctor", result([]))
    daemon.on("compare", error("usage", "this daemon has no method 'compare'", 2))
    assert main(["doctor", "--json"]) == 1
    found = {each["check"]: each for each in json.loads(capsys.readouterr().out)}
    assert found["daemon's program"]["fix"] == "roost up --replace"
    assert main(["up"]) == 0
    told = capsys.readouterr()
    assert told.out == "roost 0.0.9 is already up (pid 7)\n"
    assert told.err.startswith("the daemon is older than this command: `roost up --replace` starts this one")


def test_doctor_names_the_place_in_a_broken_configuration(capsys: Captured) -> None:
    config = find_places(os.environ).config
    config.parent.mkdir(parents=True)
    config.write_text("[logs]\nsize = = 3\n")
    assert main(["doctor", "--json"]) == 1
    found = {each["check"]: each for each in json.loads(capsys.readouterr().out)}
    assert "line 2, column 8" in found["config"]["detail"]


def test_doctor_finds_an_open_folder_and_says_how_to_close_it(capsys: Captured) -> None:
    state = find_places(os.environ).state
    state.mkdir(parents=True)
    state.chmod(0o755)
    assert main(["doctor"]) == 1
    assert f"chmod 700 {state}" in capsys.readouterr().out


def test_doctor_names_the_install_command_of_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["doctor"]) == 1
    shown = capsys.readouterr().out
    assert all(
        word in shown
        for word in ("install tmux", "npm install -g @anthropic-ai/claude-code", "@openai/codex")
    )


READ_ONLY = """
set -e
mkdir "$ROOST_HOME"
mount -t tmpfs -o mode=700 none "$ROOST_HOME"
mkdir -m 700 "$ROOST_HOME/state" "$ROOST_HOME/run" "$ROOST_HOME/logs"
touch "$ROOST_HOME/logs/daemon.log"
mount -o remount,ro "$ROOST_HOME"
"$0" -m roost doctor --json || true
"$0" -m roost.daemon 2>&1 | tail -n 1 || true
sh -c "mount -o remount,rw $ROOST_HOME"
"$0" -m roost doctor --json || true
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount here")
def test_G13_a_read_only_mount_is_named_with_a_cure_that_works(home: Home) -> None:
    words = ["unshare", "--mount", "sh", "-c", READ_ONLY, sys.executable]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    before, daemon, after = done.stdout.splitlines()
    found = [each for each in json.loads(before) if "read-only" in each["detail"]]
    assert {(each["check"], each["fix"]) for each in found} == {
        ("state folder", f"mount -o remount,rw {home.roost}")
    }
    assert "Read-only file system" in daemon
    assert "mount it for writing" in daemon
    assert not [each for each in json.loads(after) if "read-only" in each["detail"]]
