"""F15: where the system gives no pidfds (gVisor, old container engines), everything works by start times."""

import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import Roost, alive, signal_pid
from tests.support.home import Home
from tests.support.seccomp import NOT_ALLOWED

PATIENCE = 60.0
PROJECT = Path(__file__).parents[2]


def below(number: int, roost: Roost, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of roost, and all that comes of it, in a system whose pidfd calls fail with this error."""
    command = [sys.executable, "-m", "tests.support.seccomp", str(number), sys.executable, "-m", "roost"]
    done = subprocess.run(
        [*command, *words],
        env=roost.environ,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode == NOT_ALLOWED:
        pytest.skip("seccomp filters are not allowed here")
    return done


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM], ids=["ENOSYS", "EPERM"])
def test_F15_without_pidfds_agents_live_die_and_are_ended(home: Home, number: int) -> None:
    roost = Roost(home)
    started = below(number, roost, "up")
    assert started.returncode == 0, started
    try:
        for name in ("a", "b", "c"):
            roost.add(name)
        assert roost.ask("a", "hello") == "echo: hello"
        killed = roost.session("a")["agent_pid"]
        signal_pid(killed, signal.SIGKILL)
        assert roost.until_death("a")["signal"] == signal.SIGKILL
        roost.call("wake", name="b")
        stopped = roost.until_state("b", "idle")["session"]["agent_pid"]
        assert roost.call("stop", name="b")[0]["state"] == "stopped"
        assert not alive(stopped)
        roost.call("wake", name="c")
        before = roost.until_state("c", "idle")["session"]["agent_pid"]
        roost.call("restart", name="c")
        assert not alive(before)
        left = roost.until_state("c", "idle")["session"]["agent_pid"]
        assert "gives no handles on processes" in roost.cli("doctor").stdout
    finally:
        ended = below(number, roost, "down", "--agents")
    assert ended.returncode == 0, ended
    assert not alive(left)
