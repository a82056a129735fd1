"""Ends: a session is ended by the one authority, unless a guard speaks against it, and reaped."""

import logging

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.session import Session
from roost.daemon.death.authority import Authority
from roost.daemon.death.guards import Guards
from roost.daemon.death.reaper import KillError, Reaper
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks

_log = logging.getLogger("roost.ends")


class Ends:
    """Ends sessions."""

    def __init__(
        self,
        fleet: Fleet,
        guards: Guards,
        authority: Authority,
        reaper: Reaper,
        supervisor: Supervisor,
        tasks: Tasks,
    ) -> None:
        """End through these parts."""
        self._fleet = fleet
        self._guards = guards
        self._authority = authority
        self._reaper = reaper
        self._supervisor = supervisor
        self._guests = reaper.guests
        self._tasks = tasks

    async def end(self, command: c.End) -> None:
        """End a session, or tell what speaks against it."""
        session = await self._agreed(command)
        if session is None:
            return
        if self._is_let_go(session):
            await self._guests.let_go(session)
            return
        how = await self._authority.end(session)
        live = self._supervisor.live(session.id)
        await self._reaper.reap(session, live.context if live is not None else None, how)

    async def close(self, command: c.End, why: str) -> None:
        """End a session and close its row by its processes alone, as all else met a defect.

        What is not ours to end is let go of at the daemon's next start. Raises KillError.
        """
        session = await self._agreed(command)
        if session is None:
            return
        if self._is_let_go(session):
            _log.error("session %s is not let go of until the next start: %s", session.id, why)
            return
        how = await self._authority.end(session)
        await self._reaper.close(session, f"{how}; {why}")

    async def _agreed(self, command: c.End) -> Session | None:
        """The session; None where something speaks against its end, which is told, or it ends no more."""
        name, ident = command.session.peer, command.session.id
        live, driver = self._supervisor.live(ident), self._supervisor.driver(ident)
        veto = await self._guards.against(command, live, driver)
        if veto is not None:
            await self._fleet.report(name, veto, settles=command.key)
            return None
        state = self._fleet.find(name)
        session = state.find_session(ident) if state is not None else None
        if session is None or not self._authority.stands(session):
            await self._fleet.settle(command.key)
            return None
        return session

    def _is_let_go(self, session: Session) -> bool:
        """Whether nothing of it is ours to end."""
        state = self._fleet.find(session.peer)
        return session.guest or (state is not None and state.peer.settings.threaded)

    async def end_unstored(self, session: Session) -> None:
        """End a session although the store takes nothing: its end is recorded once it does.

        Raises KillError.
        """
        if session.guest:
            self._tasks.start(self._guests.let_go(session), f"let go of {session.peer}")
            return
        how = await self._authority.end(session)
        swept = await self._authority.clear(c.clear(session))
        live = self._supervisor.live(session.id)
        reap = self._reaper.reap(session, live.context if live is not None else None, f"{how}; {swept}")
        self._tasks.start(reap, f"reap {session.peer}")
        if not swept.empty:
            raise KillError(f"it cannot be ended: {swept}")
