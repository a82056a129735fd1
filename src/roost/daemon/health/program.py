"""The program that the daemon runs: where it is, and whether the files there are still what runs."""

import contextlib
from typing import Any

import roost
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError
from roost.local.program import FOLDER, code


class Program:
    """Looks at the files that this daemon was loaded from."""

    def __init__(self, machine: Machine) -> None:
        """Look at this machine's."""
        self._machine = machine

    async def is_current(self) -> bool:
        """Whether the files at our place are the code that runs. A disk that does not answer is no news."""
        with contextlib.suppress(OSError, BusyError):
            return await self._machine.work.launches.run(code) == self._machine.code
        return True

    async def told(self) -> dict[str, Any]:
        """As `status` shows it.

        `code` names the code that runs; `current`: the files at its place are still that code.
        """
        current = await self.is_current()
        return {
            "version": roost.__version__,
            "path": str(FOLDER),
            "code": self._machine.code,
            "current": current,
        }
