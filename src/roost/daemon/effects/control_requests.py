"""Control requests: what was asked of a running session is done once the session is held."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.session import ControlKind
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.channels import channel_into
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock


class ControlRequests:
    """Has control requests performed."""

    def __init__(self, fleet: Fleet, clock: Clock, supervisor: Supervisor) -> None:
        """Act on the sessions of this supervisor."""
        self._fleet = fleet
        self._clock = clock
        self._supervisor = supervisor

    async def perform(self, command: c.Perform) -> None:
        """Do what was asked of a live session; one that is not held yet, or not any more, is waited for.

        Raises NotHeldError where that takes long.
        """
        session, control = command.session, command.control
        held = await self._supervisor.when_held(session)
        if held is None:
            await self._fleet.settle(command.key)
            return
        live, driver = held
        channel = channel_into(live, driver, self._fleet, self._clock)
        work = channel.interrupt if control.kind is ControlKind.INTERRUPT else channel.compact
        await self._fleet.report(session.peer, await work(control), settles=command.key)
