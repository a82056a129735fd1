"""What a followed server needs to know of the machine: which process it is, and whether that is dead."""

import asyncio

from roost.core.vocabulary.identity import ProcessId
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import HungError
from roost.host.errors import SensorError
from roost.host.interfaces.processes import Liveness
from roost.host.serving import serving_pid
from roost.runtimes.codex_server.connection import Connection

UNWATCHED = 0.25
"""Seconds until a process that cannot be watched is looked at again."""


class ServerSenses:
    """Looks at this machine."""

    def __init__(self, machine: Machine) -> None:
        """Ask this machine's processes."""
        self._machine = machine

    async def behind(self, connection: Connection) -> ProcessId | None:
        """The process at the other end; None: the system does not tell."""
        socket = connection.socket
        if socket is None:
            return None
        try:
            pid = await self._machine.work.processes.run(serving_pid, socket)
            return self._machine.processes.identify(pid) if pid is not None else None
        except (SensorError, HungError):
            return None

    async def dead(self, process: ProcessId) -> bool:
        """Whether that very process is known to be dead."""
        try:
            probe = await self._machine.work.processes.run(self._machine.processes.probe, process)
        except HungError:
            return False
        return probe.liveness is Liveness.DEAD

    async def gone(self, process: ProcessId) -> None:
        """Return when that very process is gone, or when it cannot be watched, after a while."""
        gone = asyncio.Event()
        try:
            watch = self._machine.processes.watch(process, gone.set)
        except SensorError:
            await self._machine.clock.sleep(UNWATCHED)
            return
        try:
            await gone.wait()
        finally:
            watch.cancel()
