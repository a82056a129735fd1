"""`roost demo` as a new user runs it, with every step real; and that its steps can fail."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roost.demo import main
from roost.demo.steps import STEPS
from roost.host.process import SystemProcesses
from tests.support.home import Home

COMMAND = [sys.executable, "-P", "-m", "roost", "demo"]
PATIENCE = 50.0


def stage_of(output: str) -> Path:
    found = re.search(r"Everything happens in (\S+)", output)
    assert found
    return Path(found[1])


def results(output: str) -> list[str]:
    """The RESULT column of the table, in order of the steps."""
    names = "|".join(re.escape(step.name) for step in STEPS)
    return re.findall(rf"^\d (?:{names}) +(ok|FAILED|not run)\b", output, re.MULTILINE)


@pytest.mark.slow
def test_the_main_job_passes_and_leaves_nothing_behind(home: Home) -> None:
    """P3, P9, P13, H4, N6, N7, N8 in one go: each step of the demo checks what it shows."""
    done = subprocess.run(
        COMMAND, cwd=home.work, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    assert results(done.stdout) == ["ok"] * len(STEPS)
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "\x1b" not in done.stdout
    assert not stage_of(done.stdout).exists()
    touched = [path for path in home.root.rglob("*") if not path.is_dir() or path == home.roost]
    assert touched == []


def test_without_tmux_the_first_step_fails_and_the_logs_are_kept(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(home.work))
    done = subprocess.run(COMMAND, capture_output=True, text=True, timeout=PATIENCE, check=False)
    stage = stage_of(done.stdout)
    try:
        assert done.returncode == 1
        assert results(done.stdout) == ["FAILED", *["not run"] * (len(STEPS) - 1)]
        assert "tmux" in done.stdout.partition("FAILED: ")[2].partition("STEP")[0]
        assert f"kept: {stage}" in done.stdout
        assert (stage / "roost/logs/daemon.log").exists()
    finally:
        shutil.rmtree(stage)


def test_a_kill_that_does_not_happen_fails_its_step(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(home.work)
    monkeypatch.setattr(SystemProcesses, "signal", lambda *_: False)
    status = main.run()
    output = capsys.readouterr().out
    stage = stage_of(output)
    try:
        assert status == 1
        assert results(output) == ["ok"] * 4 + ["FAILED"] + ["not run"] * 3
        assert "was gone before it could be signalled" in output
        assert (stage / "roost/logs/lifecycle.log").exists()
    finally:
        shutil.rmtree(stage)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_N7_an_interrupted_demo_cleans_up(home: Home, number: signal.Signals) -> None:
    with subprocess.Popen(
        COMMAND, cwd=home.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        seen = ""
        while not seen.endswith(f"3. {STEPS[2].title}\n"):
            line = demo.stdout.readline()
            assert line, seen
            seen += line
        demo.send_signal(number)
        demo.communicate(timeout=PATIENCE)
    assert demo.returncode == 128 + number
    assert not stage_of(seen).exists()
