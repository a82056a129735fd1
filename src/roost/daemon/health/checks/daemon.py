"""The daemon itself, as `doctor` looks at it: process, program, configuration, folders of its starter."""

import os
from collections.abc import Iterable

from roost.daemon.health.checks.check import REPLACE
from roost.daemon.health.program import Program
from roost.daemon.state.machine import Machine
from roost.local.program import FOLDER
from roost.present.finding import Code, Finding, good, note, wrong


class DaemonCheck:
    """Looks at what the daemon took from its starter, and at what has become of it."""

    def __init__(self, machine: Machine, program: Program, url: str) -> None:
        """`url` is the loopback address in use."""
        self._machine = machine
        self._program = program
        self._url = url

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        return [
            good("daemon", f"pid {os.getpid()}, {self._url}"),
            *await self._stale(),
            good("daemon's config", str(self._machine.places.config)),
            *(
                note(Code.RUNTIME_FOLDER, "runtime folder", each, fix=f"env -u XDG_RUNTIME_DIR {REPLACE}")
                for each in self._machine.inherited.notes
            ),
        ]

    async def _stale(self) -> list[Finding]:
        if await self._program.is_current():
            return []
        why = f"its program at {FOLDER} was replaced or removed since it started"
        return [wrong(Code.DAEMON_STALE, "daemon's program", why, fix=REPLACE)]
