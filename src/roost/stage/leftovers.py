"""Every process of one home, found by what it was started with."""

import os
import signal
import time
from pathlib import Path

from roost.core.vocabulary.identity import ProcessId
from roost.host.process import platform

_PATIENCE = 5.0
_LOOK_AGAIN = 0.03


class Leftovers:
    """The processes whose environment names this home; the home's own name is random, so they are ours."""

    def __init__(self, home: Path) -> None:
        """Look for `ROOST_HOME=<home>`."""
        self._marker = b"ROOST_HOME=" + os.fsencode(home)

    def find(self) -> list[ProcessId]:
        """All that live: daemon, terminal servers, shims, agents and their children."""
        boot = platform.boot_id()
        return [
            ProcessId(boot, row.pid, row.start)
            for row in platform.rows()
            if row.uid == os.geteuid()
            and not row.zombie
            and row.pid != os.getpid()
            and self._marker in platform.environ(row.pid).split(b"\0")
        ]

    def wait(self) -> list[ProcessId]:
        """Those that have not ended by themselves after a few seconds."""
        deadline = time.monotonic() + _PATIENCE
        while (left := self.find()) and time.monotonic() < deadline:
            time.sleep(_LOOK_AGAIN)
        return left

    def end(self, *, wait: bool) -> list[str]:
        """End what lives, each by its verified identity; returns what that was.

        `wait`: give it the time to end by itself first.
        """
        found: dict[int, str] = {}
        left = self.wait() if wait else self.find()
        deadline = time.monotonic() + _PATIENCE
        while left and time.monotonic() < deadline:
            for process in left:
                found[process.pid] = f"pid {process.pid}"
                platform.send_signal(process.pid, process.start, signal.SIGKILL)
            time.sleep(_LOOK_AGAIN)
            left = self.find()
        return list(found.values())
