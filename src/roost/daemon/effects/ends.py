"""Ends: a session is ended by the one authority, unless a guard speaks against it, and reaped."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.session import Session
from roost.daemon.death.authority import Authority
from roost.daemon.death.guards import Guards
from roost.daemon.death.reaper import KillError, Reaper
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks


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
        live = self._supervisor.live(command.session.id)
        driver = self._supervisor.driver(command.session.id)
        veto = await self._guards.against(command, live, driver)
        if veto is not None:
            await self._fleet.report(command.session.peer, veto, settles=command.key)
            return
        state = self._fleet.find(command.session.peer)
        session = state.find_session(command.session.id) if state is not None else None
        if session is None or not self._authority.stands(session):
            await self._fleet.settle(command.key)
            return
        if state is not None and (session.guest or state.peer.settings.threaded):
            await self._guests.let_go(session)
            return
        how = await self._authority.end(session)
        context = live.context if live is not None else None
        await self._reaper.reap(session, context, how)

    async def close(self, command: c.End, why: str) -> None:
        """End a session and close its row by its processes alone: all else met a defect. Raises KillError."""
        if not self._authority.stands(command.session):
            await self._fleet.settle(command.key)
            return
        how = await self._authority.end(command.session)
        await self._reaper.close(command.session, f"{how}; {why}")

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
