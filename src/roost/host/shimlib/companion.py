"""A program that runs beside the agent, which needs it from its start to its end: its server."""

from __future__ import annotations

import os
import socket
import time

from .child import Child
from .machine import read, signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# Seconds until it has to listen, and between two looks whether it does.
LISTENS = 10.0
LOOK = 0.01


class Companion(Child):
    """One that listens on a socket, and has no terminal."""

    def __init__(self, spec: dict[str, Any]) -> None:
        told = spec["companion"]
        super().__init__(spec, told["argv"])
        self.name: str = told["name"]
        self.socket: str = told["socket"]
        self.log: str = told["log"]

    def begin(self, given_up: Callable[[], bool]) -> dict[str, Any] | None:
        """Start it and wait until it listens; why it does not."""
        if os.path.lexists(self.socket):
            os.unlink(self.socket)
        failure = self.start()
        if failure is not None:
            return failure
        deadline = time.monotonic() + LISTENS
        why = None
        while not self._listens():
            if self.ended():
                why = f"its {self.name} ended before it listened: {how_of(self.reap())}"
            elif given_up():
                why = f"it was to end before its {self.name} listened"
            elif time.monotonic() >= deadline:
                why = f"its {self.name} does not listen within {LISTENS:g} s"
            if why is not None:
                last = [line.strip() for line in read(self.log).splitlines() if line.strip()][-1:]
                return {"error": "; ".join([why, *last])[:1000], "errno": 0}
            time.sleep(LOOK)
        return None

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(self.socket)
            except OSError:
                return False
        return True

    def _take_place(self) -> None:
        """In the child: no terminal; what it says goes to its log."""
        import fcntl  # noqa: PLC0415 in the child alone
        import termios  # noqa: PLC0415

        os.setpgid(0, 0)  # and no setsid: our parent may have made us a leader already
        try:
            fcntl.ioctl(os.open("/dev/tty", os.O_RDWR | os.O_CLOEXEC), termios.TIOCNOTTY)
        except OSError:
            pass
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        for descriptor, place in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(descriptor, place)

    def reap(self) -> int:
        """Its raw wait status, once it has ended."""
        self.signal_group(signal.SIGKILL)
        status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        return status


def how_of(status: int) -> str:
    """A wait status in words."""
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return f"exit code {os.WEXITSTATUS(status)}"
