"""Turns the end of a session's processes into one death: cause, code or signal, evidence.

Also clears away the files of removed peers.
"""

import logging
import shutil
import socket
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import partial
from pathlib import Path

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.death.authority import Authority
from roost.daemon.death.cleanup import Cleanup
from roost.daemon.death.postmortem import Postmortem, death_of
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import Leftovers, LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import HungError
from roost.errors import RoostError
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
        fleet.on_committed.append(self._purged)

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
        death = death_of(current, found.record, why, found.lines, self._machine.clock.now(), boot)
        died = f.Died(death, found.resumable, cleared)
        await self._fleet.report(session.peer, died, settles=f"end:{session.id}")
        self._live_sessions.drop(session.id)
        if live is not None:
            await live.forget()
            await live.terminal.close()
        await self._machine.work.files.run(self._clean, session)

    async def _look(self, session: Session, live: LiveSession | None, context: Context | None) -> Leftovers:
        """What is left of the session, while its driver tells what its agent's own record still says.

        A record that the disk does not give now is asked for again for a while.
        """
        deadline = self._machine.clock.monotonic() + RECORD
        look = partial(self._postmortem.examine, session, live, context)
        if live is not None:
            driver = Driver(live, self._fleet, self._machine.clock, self._machine.work.records)
            try:
                found = await driver.collect(look)
            except HungError:
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
        return found

    async def _examined(
        self, session: Session, live: LiveSession | None, context: Context | None
    ) -> Leftovers:
        """What is left; where the agent's own record cannot be read now, the next launch looks into it."""
        work = self._machine.work
        try:
            return await work.records.run_for(session.id, self._postmortem.examine, session, live, context)
        except HungError:
            found = await work.files.run(self._postmortem.examine, session, live, None)
            return replace(found, resumable=context is not None and session.conversation is not None)

    def _current(self, session: Session) -> Session | None:
        state = self._fleet.find(session.peer)
        return state.find_session(session.id) if state is not None else None

    def _purged(self, _name: str, _state: PeerState | None, commands: Sequence[c.Command]) -> None:
        """Remove the files of a removed peer at once: its name may be given to a new one (P11)."""
        for command in commands:
            if isinstance(command, c.Purge):
                self._clear(command.peer)
            elif isinstance(command, c.Rename):
                self._follow(command.old, command.new)

    async def tidy(self, spared: AbstractSet[str] = frozenset()) -> None:
        """Remove the files of peers and sessions whose end the last daemon did not see through.

        Only what this store has removed and closed itself goes: that it does not name a peer or a session
        proves nothing (N5). `spared`: sessions that it does not know and that run.

        Raises StoreError, OSError.
        """
        store = self._machine.store
        strangers = await self._machine.work.files.run(self._strangers)
        for name in await store.removed(strangers):
            await self._machine.work.files.run(self._clear, name)
        sessions = await self._machine.work.files.run(self._left_sessions)
        closed = await store.closed(sessions)
        await self._machine.work.files.run(self._tidy_sessions, closed, sessions - closed - spared)

    def _strangers(self) -> set[str]:
        """Blocking: names of peers that have files and no row; files of renamed peers follow them."""
        places = self._machine.places
        known = set(self._fleet.names())
        for state in self._fleet.states():
            for former in state.peer.former:
                if former not in known:
                    self._follow(former, state.peer.name)
        logs = (path.name.partition(".")[0] for path in places.pane_log("-").parent.glob("*.log*"))
        folders = (path.name for path in places.bodies.glob("*"))
        return {*logs, *folders} - known

    def _left_sessions(self) -> frozenset[str]:
        """Blocking: sessions that have files and no live row.

        The files are listed before the fleet is asked: what is being launched meanwhile is not among them.
        """
        places = self._machine.places
        folders = {path.name for path in places.sessions.glob("*")}
        records = {path.name.partition(".")[0] for path in places.spool.glob("*.json*")}
        live = {session.id for state in self._fleet.states() for session in state.sessions}
        return frozenset((folders | records) - live)

    def _tidy_sessions(self, closed: AbstractSet[str], unknown: AbstractSet[str]) -> None:
        """Blocking: files of closed sessions where nothing answers, and of unknown ones long over."""
        places = self._machine.places
        sockets = list(places.terminal("-").parent.glob("*"))
        live = {session.id for state in self._fleet.states() for session in state.sessions}
        before = self._machine.clock.now() - self._machine.config.patience.ttl
        for session in closed:
            if not _answers(places.terminal(session)):
                self._clear_session(session)
        for session in unknown:
            if _changed(places.session(session)) < before and not _answers(places.terminal(session)):
                self._clear_session(session)
        known = {places.terminal(session) for session in live | unknown}
        for path in sockets:
            if path not in known and not _answers(path):
                path.unlink(missing_ok=True)

    def _follow(self, old: str, new: str) -> None:
        """Files of a renamed peer go with it; a second call finds what the first one could not move."""
        places = self._machine.places
        was, log = places.pane_log(old), places.pane_log(new)
        moves = [(was, log), (was.with_suffix(".log.1"), log.with_suffix(".log.1"))]
        moves.append((places.bodies / old, places.bodies / new))
        for source, target in moves:
            try:
                source.rename(target)
            except FileNotFoundError:
                continue
            except OSError as error:
                _log.warning("%s does not follow its peer: %s", source, error)

    def _clear(self, peer: str) -> None:
        log = self._machine.places.pane_log(peer)
        try:
            log.unlink(missing_ok=True)
            log.with_suffix(".log.1").unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the pane log of the removed peer %s stays: %s", peer, error)
        shutil.rmtree(self._machine.places.bodies / peer, ignore_errors=True)

    def _clean(self, session: Session) -> None:
        """Blocking: remove what only the live session needed, after its death is in the store."""
        self._clear_session(session.id)

    def _clear_session(self, session: str) -> None:
        self._spool.remove(session)
        shutil.rmtree(self._machine.places.session(session), ignore_errors=True)
        self._machine.places.terminal(session).unlink(missing_ok=True)


def _known(live: LiveSession | None) -> Leftovers | None:
    """What was found at the agent's end, with the record that was heard of; None where that is not all."""
    if live is None or live.record is None or live.leftovers is None:
        return None
    return (
        replace(live.leftovers, record=live.record) if live.leftovers.dead and live.leftovers.lines else None
    )


def _changed(path: Path) -> float:
    """Blocking: when a folder changed last (Unix seconds); 0 when it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _answers(path: Path) -> bool:
    """Blocking: whether a server listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
        return True
