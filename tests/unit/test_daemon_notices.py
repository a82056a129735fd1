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
        self.number = 0x1000
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

    async def deliver(self, message: Message, to: str = "agent", since: float | None = None) -> None:
        """Tell of the end of a message, as the step that ends it does, or as one of before did."""
        self.number += 1
        notice = Notice(message.id, "expired", "why")
        await self.notices.deliver(c.Notify(f"{self.number:032x}", to, notice, since=since))

    async def removed(self, name: str) -> None:
        """It was, and some time later another gets its name."""
        await self.fleet.tell(name, r.Remove(OPERATOR, force=True))
        await self.clock.advance(60)
        await self.add(name)

    async def renamed(self, old: str, new: str) -> None:
        await self.fleet.rename(old, r.Rename(new, OPERATOR, force=True))
        await self.clock.advance(60)

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


async def test_P11_a_new_peer_is_not_told_of_what_one_of_its_name_has_sent(world: World) -> None:
    message = await world.sent()
    await world.removed("agent")
    await world.deliver(message)
    await world.deliver(message, since=message.created_at)
    unknown = mail(9, message.created_at, sender="agent")  # its recipient was removed, and took it along
    await world.deliver(unknown, since=unknown.created_at)
    assert world.told() == []
    await world.deliver(await world.sent(2))
    assert world.told() == ["expired"]


async def test_P11_what_a_removed_recipient_leaves_is_told_to_the_sender_itself_alone(world: World) -> None:
    await world.add("box", HUMAN)
    for number in (1, 2):
        message = mail(number, world.clock.now(), sender="agent", to="box")
        await world.fleet.tell("box", r.Submit(message), bodies={message.id: b"text"})
        if number == 1:
            await world.removed("agent")
    await world.fleet.tell("box", r.Remove(OPERATOR, force=True))
    await eventually(world.told, timeout=PATIENCE, why="told")
    notices = [each.notice.about for each in world.fleet.get("agent").messages if each.notice is not None]
    assert notices == [f"{2:032x}"]


async def test_news_finds_a_renamed_sender_though_another_has_its_name(world: World) -> None:
    message = await world.sent()
    await world.renamed("agent", "other")
    await world.deliver(message, since=message.created_at)
    await world.add("agent")
    await world.deliver(message, since=message.created_at)
    assert (world.told("other"), world.told()) == (["expired"] * 2, [])
