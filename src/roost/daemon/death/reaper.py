"""Turns the end of a session's processes into one death: cause, code or signal, evidence."""

import logging
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.death.authority import Authority
from roost.daemon.death.cleanup import Cleanup
from roost.daemon.death.guests import Guests
from roost.daemon.death.peer_files import PeerFiles
from roost.daemon.death.postmortem import Postmortem, death_of
from roost.daemon.session.driver import Driver, unread
from roost.daemon.session.live_sessions import Leftovers, LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError
from roost.errors import RoostError, StoreError
from roost.host.interfaces.watch import Watch
from roost.host.shim_spec import DeathRecord
from roost.host.spool import Spool
from roost.runtimes.context import Context

RECORD = 2.0
LOOK = 0.02
"""Seconds for which, and between which, a record that the disk does not give is asked for again."""

_log = logging.getLogger("roost.reaper")


class KillError(RoostError):
    """A session could not be ended."""


class Reaper:
    """Reaps sessions whose shim is gone."""

    def __init__(
        self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, authority: Authority, spool: Spool
    ) -> None:
        """Reap on this machine."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._authority = authority
        self._spool = spool
        self._postmortem = Postmortem(machine, spool)
        self.cleanup = Cleanup(fleet, authority, machine.clock)
        self.files = PeerFiles(machine, fleet, spool)
        self.guests = Guests(machine, fleet, live_sessions)

    def listen(self, recorded: Callable[[DeathRecord], None]) -> Watch:
        """Call back with each death record as its shim writes it. Raises SensorError."""
        return self._spool.listen(recorded)

    async def prepare(self, live: LiveSession) -> None:
        """Look at what an ended agent has left, while its shim writes the record: the dead write no more."""
        current = self._current(live.session)
        if current is not None:
            live.leftovers = await self._look(current, live, live.context)

    async def reap(self, session: Session, context: Context | None, why: str) -> None:
        """Tell the fleet of the death, once, with what its record says.

        `why` is the evidence that the session is over: its shim is gone, or nothing of it was ever started.
        Raises KillError while its agent lives on or nothing can be told of its processes.
        """
        live = self._live_sessions.find(session.id)
        if live is not None:
            if live.reaping:
                return
            live.reaping = True
        try:
            await self._reap(session, live, context, why)
        finally:
            if live is not None:
                live.reaping = False

    async def _reap(
        self, session: Session, live: LiveSession | None, context: Context | None, why: str
    ) -> None:
        """Close the row at the proof of the end; children that outlived it are cleared from then on.

        Where there is no such proof yet, or somebody waits for the end, the tree is cleared first.
        """
        current = self._current(session)
        if current is None:
            return
        found = _known(live) or await self._look(current, live, context)
        cleared = found.cleared
        if not cleared and (not found.dead or current.state is SessionState.STOPPING):
            swept = await self._authority.clear(c.clear(current))
            cleared = swept.empty
            found = await self._look(current, live, context)
            if not (cleared or found.dead):
                raise KillError(f"it cannot be ended: {swept}")
            why = f"{why}; {swept}"
        boot = self._machine.processes.boot_id()
        why = f"{why}; {found.missed}" if found.missed else why
        death = death_of(current, found.record, why, found.lines, self._machine.clock.now(), boot)
        await self._close(session, live, f.Died(death, found.resumable, cleared))

    async def close(self, session: Session, why: str) -> None:
        """Close the row without a look at what it has left: that met a defect, again and again.

        Raises KillError unless its tree is seen to be empty.
        """
        current = self._current(session)
        if current is None:
            return
        swept = await self._authority.clear(c.clear(current))
        if not swept.empty:
            raise KillError(f"it cannot be ended: {swept}")
        boot = self._machine.processes.boot_id()
        death = death_of(current, None, f"{swept}; {why}", (), self._machine.clock.now(), boot)
        died = f.Died(death, current.conversation is not None)
        await self._close(session, self._live_sessions.find(session.id), died)

    async def _close(self, session: Session, live: LiveSession | None, died: f.Died) -> None:
        await self._fleet.report(session.peer, died, settles=f"end:{session.id}")
        self._live_sessions.drop(session.id)
        if live is not None:
            await live.forget()
            if live.shown_in is not None:
                await live.terminal.close()
        await self._machine.work.files.run(self._clean, session)

    async def _look(self, session: Session, live: LiveSession | None, context: Context | None) -> Leftovers:
        """What is left of the session, while its driver tells what its agent's own record still says.

        A record that the disk does not give now is asked for again for a while.
        """
        deadline = self._machine.clock.monotonic() + RECORD
        look, missed = partial(self._postmortem.examine, session, live, context), ""
        if live is not None:
            driver = Driver(live, self._fleet, self._machine.clock, self._machine.work.records)
            try:
                found = await driver.collect(look)
            except (StoreError, BusyError):
                raise
            except Exception as error:  # noqa: BLE001 -- what a record is like must not keep an end from counting
                missed = unread(session.id, error)
                found = await self._examined(session, live, context)
        else:
            found = await self._examined(session, live, context)
        while found.unread is not None:
            _log.warning("the death record of session %s cannot be read: %s", session.id, found.unread)
            if self._machine.clock.monotonic() >= deadline:
                break
            await self._machine.clock.sleep(LOOK)
            found = await self._examined(session, live, context)
        if live is not None and live.context is not context:  # its conversation turned out to be another one
            known = self._current(session) or session
            found = await self._examined(known, live, live.context)
        return replace(found, missed=missed)

    async def _examined(
        self, session: Session, live: LiveSession | None, context: Context | None
    ) -> Leftovers:
        """What is left; where the agent's own record cannot be read now, the next launch looks into it."""
        work = self._machine.work
        try:
            return await work.records.run_for(session.id, self._postmortem.examine, session, live, context)
        except BusyError:
            raise
        except Exception as error:  # noqa: BLE001 -- what a record is like must not keep an end from counting
            _log.warning("whether session %s can be gone on with is not known: %s", session.id, error)
            found = await work.files.run(self._postmortem.examine, session, live, None)
            return replace(found, resumable=context is not None and session.conversation is not None)

    def _current(self, session: Session) -> Session | None:
        state = self._fleet.find(session.peer)
        return state.find_session(session.id) if state is not None else None

    def _clean(self, session: Session) -> None:
        """Blocking: remove what only the live session needed, after its death is in the store."""
        self.files.remove_session(session.id)


def _known(live: LiveSession | None) -> Leftovers | None:
    """What was found at the agent's end, with the record that was heard of; None where that is not all."""
    if live is None or live.record is None or live.leftovers is None:
        return None
    if live.session.own_terminal and live.leftovers.dead:  # it shows nothing here
        return replace(live.leftovers, record=live.record)
    return (
        replace(live.leftovers, record=live.record) if live.leftovers.dead and live.leftovers.lines else None
    )
