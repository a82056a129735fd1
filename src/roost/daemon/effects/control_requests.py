"""Control requests: what was asked of a running session is done once the session is held."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.session import ControlKind, SessionState
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.channels import channel_into
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock

LOOK = 0.05
"""Seconds between two tries to look at a session that is not held."""


class ControlRequests:
    """Has control requests performed."""

    def __init__(self, fleet: Fleet, clock: Clock, supervisor: Supervisor) -> None:
        """Act on the sessions of this supervisor."""
        self._fleet = fleet
        self._clock = clock
        self._supervisor = supervisor

    async def perform(self, command: c.Perform) -> None:
        """Do what was asked of a live session; one that is not held yet, or not any more, is waited for."""
        session, control = command.session, command.control
        while True:
            state = self._fleet.get(session.peer)
            current = state.find_session(session.id)
            if current is None or current.state is SessionState.STOPPING:
                await self._fleet.settle(command.key)
                return
            live, driver = self._supervisor.live(session.id), self._supervisor.driver(session.id)
            if live is not None and driver is not None:
                break
            await self._clock.sleep(LOOK)
        channel = channel_into(live, driver, self._fleet, self._clock)
        work = channel.interrupt if control.kind is ControlKind.INTERRUPT else channel.compact
        await self._fleet.report(session.peer, await work(control), settles=command.key)
