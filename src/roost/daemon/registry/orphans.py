"""Processes with our marker that belong to no live row: leftovers, and sessions that nobody knows.

Only what the launcher of this very home planted is believed (B2, B3): processes of another ROOST_HOME are
another daemon's, and those without a marker are nobody's business. The registry is a sensor like any other
(N5): that it does not name a session proves nothing. What it has closed itself is a leftover, and is ended;
all else is kept, shown, and left to a person.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from roost.core.sessions.unregistered import outrun_by
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.identity import SYSTEM
from roost.daemon.death.authority import Authority, Swept
from roost.daemon.death.guards import HUMAN
from roost.daemon.registry.orphan import Orphan, chosen, orphan_objects, orphans_among, session_of
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import HostError, StoreError
from roost.host.interfaces.processes import Marker

SECOND_LOOK = 2.0
"""Seconds between the two looks that must both find an orphan: a session that just ends is none."""

_log = logging.getLogger("roost.orphans")


class Orphans:
    """Finds orphans; ends leftovers through the kill authority and keeps what the store never knew."""

    def __init__(self, machine: Machine, fleet: Fleet, authority: Authority) -> None:
        """Look on this machine for processes of sessions that this fleet lacks."""
        self._machine = machine
        self._fleet = fleet
        self._authority = authority
        self._spared: set[Marker] = set()
        self._told: set[Marker] = set()
        self.unknown: tuple[Orphan, ...] = ()
        """Live sessions that the store never knew, as of the last look."""

    async def find(self) -> list[Orphan]:
        """Look now. Raises SensorError when the process table cannot be read, StoreError."""
        marked = await self._machine.work.processes.run(self._machine.processes.marked)
        return await self.judge(orphans_among(marked, self._fleet.states(), self._machine.places))

    async def judge(self, orphans: list[Orphan]) -> list[Orphan]:
        """The same orphans with what the store knows of them. Raises StoreError."""
        closed = await self._machine.store.closed([orphan.marker.session for orphan in orphans])
        return [replace(orphan, closed=orphan.marker.session in closed) for orphan in orphans]

    def of_peer(self, peer: str) -> Orphan | None:
        """A live session of that peer that the store never knew: nothing is started beside it."""
        return next((orphan for orphan in self.unknown if orphan.marker.peer == peer), None)

    async def prepare(self) -> None:
        """Before anything is launched: learn what else runs, and let no new session take the id of one.

        What cannot be seen now is met by the next pass.
        """
        try:
            found = await self.find()
        except (HostError, StoreError) as error:
            _log.warning("sessions outside the registry cannot be looked for now: %s", error.message)
            return
        self.unknown = tuple(orphan for orphan in found if not orphan.closed)
        ids = {orphan.marker.session for orphan in self.unknown}
        for state in self._fleet.states() if ids else ():
            generation = outrun_by(state.peer, ids)
            if generation is not None:
                await self._fleet.report(state.peer.name, f.Outrun(generation))

    async def sweep(self) -> int:
        """End the leftovers that two looks find, and tell of the unknown; returns how many were ended.

        Raises SensorError, StoreError.
        """
        first = {orphan.marker: set(orphan.processes) for orphan in await self.find()}
        if first:
            await self._machine.clock.sleep(SECOND_LOOK)
        stayed = [
            orphan
            for orphan in (await self.find() if first else ())
            if first.get(orphan.marker, set()) & set(orphan.processes)
        ]
        await self._tell([orphan for orphan in stayed if not orphan.closed])
        ended = 0
        for orphan in stayed:
            if orphan.closed and not await self._used(orphan):
                await self.end(orphan)
                ended += 1
        return ended

    async def _tell(self, unknown: list[Orphan]) -> None:
        """Keep the unknown in mind; the journal tells of those that are new."""
        self.unknown = tuple(unknown)
        for orphan in unknown:
            if orphan.marker in self._told:
                continue
            self._told.add(orphan.marker)
            _log.warning("%s", orphan.why)
            data = {"why": orphan.why, "of": orphan.marker.peer or ""}
            await self._fleet.record(
                c.Journal("alarm", SYSTEM, orphan.marker.session, cause="unknown-session", data=data)
            )

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
            _log.warning("session %s has ended; a person works in what is left", orphan.marker.session)
        return used

    async def end(self, orphan: Orphan, by: str = SYSTEM) -> Swept:
        """End one for certain, politely through its shim first, then its tree. It needs no store.

        The journal is told before (why, which processes), where it can be.
        """
        session = await self._machine.work.files.run(session_of, self._machine, orphan)
        pids = ", ".join(str(process.pid) for process in orphan.processes)
        _log.warning("session %s is not live in the registry: ending its processes %s", session.id, pids)
        why = "leftovers of a closed session" if orphan.closed else f"not in the registry; ended by {by}"
        await self._record(
            c.Journal("gc", SYSTEM, session.id, cause="orphan", data={"pids": pids, "why": why})
        )
        await self._authority.end(session)
        swept = await self._authority.clear(c.clear(session))
        if not swept.empty:
            data = {"why": f"processes of an orphan cannot be ended: {swept}"}
            await self._record(c.Journal("alarm", SYSTEM, session.id, cause="orphan", data=data))
        self.unknown = tuple(each for each in self.unknown if each.marker != orphan.marker)
        return swept

    async def end_chosen(self, idents: Sequence[str], by: str) -> list[dict[str, Any]]:
        """End the unknown sessions of these ids (`all`: every one); what came of each.

        Raises SensorError, StoreError, UsageError, NotFoundError.
        """
        found = [orphan for orphan in await self.find() if not orphan.closed]
        picked = found if "all" in idents else [chosen(found, ident) for ident in idents]
        swept = await asyncio.gather(*(self.end(orphan, by) for orphan in picked))
        return [
            {**shown, "ended": result.empty, "why": str(result)}
            for shown, result in zip(orphan_objects(picked), swept, strict=True)
        ]

    async def _record(self, line: c.Journal) -> None:
        try:
            await self._fleet.record(line)
        except StoreError as error:
            _log.error("the journal cannot be told of session %s: %s", line.session, error.message)


async def sweep_orphans(orphans: Orphans) -> None:
    """Look for orphans once; what stands in the way is said, and the next pass looks again."""
    try:
        await orphans.sweep()
    except (HostError, StoreError) as error:
        _log.warning("orphans cannot be looked for now: %s", error.message)
