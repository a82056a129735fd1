"""What a program says of its version: it is not waited for without a bound, and leaves nothing behind."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from roost.local import proven
from roost.local.proven import said_version
from tests.support.wait import wait_until

PATIENCE = 20.0


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_one_that_takes_too_long_ends_with_what_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a program does that starts itself once more to say it."""
    monkeypatch.setattr(proven, "_SECONDS", 2.0)
    started = tmp_path / "pid"
    with pytest.raises(subprocess.TimeoutExpired):
        said_version(["/bin/sh", "-c", f"sleep 60 & echo $! > {started}; wait"])
    pid = int(started.read_text())
    wait_until(lambda: not lives(pid), timeout=PATIENCE, why="what it has started is gone")


def test_it_is_the_first_line_of_one_that_says_it() -> None:
    assert said_version([sys.executable, "-c", "print('tool 1.2'); print('more')"]) == "tool 1.2"
    with pytest.raises(subprocess.CalledProcessError):
        said_version([sys.executable, "-c", "raise SystemExit(3)"])


def test_gemini_cli_is_told_to_say_it_without_a_second_start_of_itself() -> None:
    told = "import os; print(os.environ['GEMINI_CLI_NO_RELAUNCH'], os.environ['PATH'])"
    assert said_version([sys.executable, "-c", told]) == f"true {os.environ['PATH']}"
