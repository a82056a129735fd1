"""Answers: what a person answers to a question is given to the session that asks, once it is held."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.daemon.death.supervisor import NotHeldError, Supervisor
from roost.daemon.delivery.channels import channel_into
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock


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
        try:
            held = await self._supervisor.when_held(session)
        except NotHeldError as error:
            asked = command.question
            lost = f.AnswerGiven(session.id, asked.id, asked.at, error.message)
            await self._fleet.report(session.peer, lost, settles=command.key)
            return
        if held is None:
            await self._fleet.settle(command.key)
            return
        live, driver = held
        channel = channel_into(live, driver, self._fleet, self._clock)
        await self._fleet.report(session.peer, await channel.answer(command.question), settles=command.key)
        live.poke.set()
