"""What senders are told of their messages: once, whoever has their name, and never without an end."""

from collections.abc import AsyncIterator

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN, OPERATOR
from roost.core.vocabulary.message import Chain, Message, Notice, Origin
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.daemon.delivery.notices import Notices
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.host.memory.clock import VirtualClock
from roost.store.memory import MemoryStore
from tests.support.playbook import mail
from tests.support.wait import eventually

PATIENCE = 10.0


class World:
    """An agent that has written to the operator, and what it is told."""

    def __init__(self) -> None:
        self.clock, self.store, self.tasks = VirtualClock(), MemoryStore(), Tasks()
        self.fleet = Fleet(self.store, self.clock, Policy({HUMAN: Traits(mailbox=True)}), self.tasks)
        self.notices = Notices(self.fleet, self.store, self.clock)
        self.fleet.listeners.on_effect = self.effect

    async def prepare(self) -> None:
        await self.add(OPERATOR, HUMAN)
        await self.add("agent")

    async def add(self, name: str, runtime: str = "demo") -> None:
        now = self.clock.now()
        await self.fleet.add(Peer(name, f"seed of {now}", Settings("/", runtime, chain_limit=3), now))

    def effect(self, effect: c.Effect) -> None:
        if isinstance(effect, c.Notify):
            self.tasks.start(self.notices.deliver(effect), "notice")

    async def sent(self, number: int = 1, *, chain: int = 1) -> Message:
        """A message of the agent to the operator, in that place of a chain."""
        origin = Origin(chain=Chain(chain, "f" * 32))
        message = mail(number, self.clock.now(), sender="agent", to=OPERATOR, origin=origin)
        await self.fleet.tell(OPERATOR, r.Submit(message), bodies={message.id: b"text"})
        return message

    async def deliver(self, message: Message, *, to: str = "agent") -> None:
        notice = Notice(message.id, "expired", "why")
        command = c.Notify(f"{message.id[:-4]}beef{message.id[-1]}"[-32:], to, notice)
        await self.notices.deliver(command)

    def told(self, name: str = "agent") -> list[str]:
        """The outcomes that a peer was told of."""
        return [each.notice.outcome for each in self.fleet.get(name).messages if each.notice is not None]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.prepare()
    yield made
    await made.tasks.close()


async def test_what_goes_on_from_notices_ends_at_the_bound_and_that_is_told_once(world: World) -> None:
    """An agent that sent again whatever it was told of went on with that for ever."""
    for number in range(1, 7):
        await world.deliver(await world.sent(number, chain=number))
    await eventually(
        lambda: "chain-limit" in world.told() and world.told(OPERATOR), timeout=PATIENCE, why="told"
    )
    assert world.told() == ["expired"] * 4 + ["chain-limit"]
    assert world.told(OPERATOR) == ["chain-limit"]
