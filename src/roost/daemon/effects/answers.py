"""Answers: what a person answers to a question is given to the session that asks, once it is held."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.session import SessionState
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.channels import channel_into
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock

LOOK = 0.05
"""Seconds between two tries to look at a session that is not held."""


class Answers:
    """Gives answers."""

    def __init__(self, fleet: Fleet, clock: Clock, supervisor: Supervisor) -> None:
        """To the sessions of this supervisor."""
        self._fleet = fleet
        self._clock = clock
        self._supervisor = supervisor

    async def give(self, command: c.GiveAnswer) -> None:
        """Give an answer to a live session; what it has come to is told. A session that ends needs none."""
        session = command.session
        while True:
            current = self._fleet.get(session.peer).find_session(session.id)
            if current is None or current.state is SessionState.STOPPING:
                await self._fleet.settle(command.key)
                return
            live, driver = self._supervisor.live(session.id), self._supervisor.driver(session.id)
            if live is not None and driver is not None:
                break
            await self._clock.sleep(LOOK)
        channel = channel_into(live, driver, self._fleet, self._clock)
        await self._fleet.report(session.peer, await channel.answer(command.question), settles=command.key)
        live.poke.set()
