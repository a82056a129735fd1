"""The real daemon under a service manager's watchdog."""

import signal
import socket
import sys
from functools import partial

import pytest

from tests.support import hanging_daemon
from tests.support.daemon import Roost
from tests.support.home import Home
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.skipif(sys.platform != "linux", reason="systemd is on Linux")]


def drain(heard: socket.socket, seconds: float) -> list[str]:
    """What comes until nothing has come for so long."""
    heard.settimeout(seconds)
    told: list[str] = []
    while True:
        try:
            told.append(heard.recv(4096).decode())
        except TimeoutError:
            return told


def test_a_daemon_that_hangs_falls_silent(home: Home) -> None:
    roost = Roost(home)
    address = home.root / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(address))
        heard.settimeout(30)
        try:
            roost.start(environ={"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "100000"})
            told = [heard.recv(4096).decode() for _ in range(6)]
            assert sum(line.startswith("READY=1") for line in told) == 1
            assert told.count("WATCHDOG=1") == 5
            roost.daemon.send_signal(signal.SIGSTOP)
            drain(heard, 0.2)
            assert drain(heard, 0.5) == []
            roost.daemon.send_signal(signal.SIGCONT)
            heard.settimeout(30)
            assert heard.recv(4096) == b"WATCHDOG=1"
            roost.down(agents=False)
            rest = drain(heard, 0.2)
            assert any(line.startswith("STOPPING=1") for line in rest)
        finally:
            roost.daemon.send_signal(signal.SIGCONT)
            roost.finish()


def hangs(roost: Roost, count: int) -> bool:
    """Whether so many daemons have said that they hang."""
    return roost.said().count(hanging_daemon.HANGS) == count


def test_a_daemon_that_hangs_tells_where_whatever_its_threads_do(home: Home) -> None:
    """By SIGABRT, which is what the manager sends to it."""
    roost = Roost(home)
    try:
        for count in range(1, 6):
            roost.start(sys.executable, "-m", hanging_daemon.__name__)
            roost.daemon.send_signal(signal.SIGUSR2)
            wait_until(partial(hangs, roost, count), timeout=30, why="its loop hangs")
            roost.daemon.send_signal(signal.SIGABRT)
            assert roost.daemon.wait(30) == -signal.SIGABRT
            said = roost.said().rpartition(hanging_daemon.HANGS)[2]
            assert "Fatal Python error: Aborted" in said
            assert "_hang_here" in said
            assert "run_forever" in said
    finally:
        roost.finish()
