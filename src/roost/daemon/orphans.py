"""Processes with our marker that belong to no row: a launch cut short, a lost store, a feature turned off.

Only what the launcher of this very home planted is believed (B2, B3): processes of another ROOST_HOME are
another daemon's, and those without a marker are nobody's business.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from roost.core import commands as c
from roost.core.identity import SYSTEM, ProcessId
from roost.core.peer import PeerState
from roost.core.session import Processes, Session, WakeCause
from roost.daemon.authority import Authority
from roost.daemon.fleet import Fleet
from roost.daemon.guards import HUMAN
from roost.daemon.machine import Machine
from roost.errors import HostError, StoreError
from roost.host.interfaces import Marker
from roost.host.shim_spec import read_started
from roost.paths import Places

SECOND_LOOK = 2.0
"""Seconds between the two looks that must both find an orphan: a session that just ends is none."""

_log = logging.getLogger("roost.orphans")


@dataclass(frozen=True, slots=True)
class Orphan:
    """The processes of one session that the registry does not hold."""

    marker: Marker
    processes: tuple[ProcessId, ...]


def orphans_among(
    marked: Iterable[tuple[ProcessId, Marker]], states: Iterable[PeerState], places: Places
) -> list[Orphan]:
    """The orphans among marked processes: ours by their home, of no live session by id and nonce."""
    home = str(places.home)
    live = {Marker(session.id, session.nonce) for state in states for session in state.sessions}
    found: dict[Marker, list[ProcessId]] = {}
    for process, marker in marked:
        if marker.home == home and marker not in live:
            found.setdefault(marker, []).append(process)
    return [Orphan(marker, tuple(processes)) for marker, processes in found.items()]


class Orphans:
    """Finds orphans, and ends them through the kill authority."""

    def __init__(self, machine: Machine, fleet: Fleet, authority: Authority) -> None:
        """Look on this machine for processes of sessions that this fleet lacks."""
        self._machine = machine
        self._fleet = fleet
        self._authority = authority
        self._spared: set[Marker] = set()

    async def find(self) -> list[Orphan]:
        """Look now. Raises SensorError when the process table cannot be read."""
        marked = await asyncio.to_thread(self._machine.processes.marked)
        return orphans_among(marked, self._fleet.states(), self._machine.places)

    async def end(self) -> int:
        """End the orphans that two looks find; returns how many sessions they were.

        Raises SensorError, StoreError.
        """
        first = {orphan.marker: set(orphan.processes) for orphan in await self.find()}
        if not first:
            return 0
        await self._machine.clock.sleep(SECOND_LOOK)
        ended = 0
        for orphan in await self.find():
            stayed = first.get(orphan.marker, set()) & set(orphan.processes)
            if stayed and not await self._used(orphan):
                await self._end(orphan)
                ended += 1
        return ended

    async def _used(self, orphan: Orphan) -> bool:
        """Whether a person works in the orphan's terminal: then it is left alone until they have gone."""
        socket = self._machine.places.terminal(orphan.marker.session)
        if not socket.exists():
            return False
        try:
            terminal = await self._machine.terminals.adopt(socket)
        except HostError:
            return False
        try:
            touched = await terminal.last_input() if await terminal.clients() else None
        except HostError:
            return False
        finally:
            await terminal.close()
        used = touched is not None and self._machine.clock.now() - touched < HUMAN
        if used and orphan.marker not in self._spared:
            self._spared.add(orphan.marker)
            _log.warning("session %s is not in the registry; a person works there", orphan.marker.session)
        return used

    async def _end(self, orphan: Orphan) -> None:
        """The intent first (why, which processes), then politely through its shim, then the tree."""
        session = await asyncio.to_thread(self._session, orphan)
        pids = ", ".join(str(process.pid) for process in orphan.processes)
        _log.warning("session %s is not in the registry: ending its processes %s", session.id, pids)
        why = "processes of a session that is not in the registry"
        await self._fleet.record(
            c.Journal("gc", SYSTEM, session.id, cause="orphan", data={"pids": pids, "why": why})
        )
        await self._authority.end(session)
        swept = await self._authority.clear(c.clear(session))
        if not swept.empty:
            data = {"why": f"processes of an orphan cannot be ended: {swept}"}
            await self._fleet.record(c.Journal("alarm", SYSTEM, session.id, cause="orphan", data=data))

    def _session(self, orphan: Orphan) -> Session:
        """Blocking: the session as the kill authority wants it, its processes from its shim's own report.

        Only processes that carry the marker now are believed.
        """
        marker = orphan.marker
        path = self._machine.places.session(marker.session) / "started.json"
        try:
            started = read_started(path, self._machine.processes)
        except HostError:
            started = None
        processes = None
        if started and started.agent and started.server and started.shim in orphan.processes:
            socket = str(self._machine.places.terminal(marker.session))
            processes = Processes(started.agent, started.shim, started.server, socket)
        return Session(
            id=marker.session,
            peer=SYSTEM,
            generation=0,
            nonce=marker.nonce,
            wake=WakeCause.FIRST_WAKE,
            resumed=False,
            started_at=0.0,
            since=0.0,
            processes=processes,
        )


async def end_orphans(orphans: Orphans) -> None:
    """Look for orphans once; what stands in the way is said, and the next pass looks again."""
    try:
        await orphans.end()
    except (HostError, StoreError) as error:
        _log.warning("orphans cannot be looked for now: %s", error.message)
