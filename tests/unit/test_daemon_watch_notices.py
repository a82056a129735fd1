"""What watchers are told of comes to them once, however long it takes to be stored."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.message import Notice
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.daemon.delivery.watch_notices import APART, GATHER, WatchNotices
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import StoreError
from roost.host.memory.clock import VirtualClock
from roost.store.interfaces import Batch, JournalRow, intent_for
from tests.support.full_store import FullStore


class StandingStore(FullStore):
    """One whose commits stand still while `open` is not set, too."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        await self.open.wait()
        return await super().commit(batch)


class World:
    """A watcher with a mailbox, and its news, each an intent of the store."""

    def __init__(self) -> None:
        self.clock, self.store, self.tasks = VirtualClock(), StandingStore(), Tasks()
        self.fleet = Fleet(self.store, self.clock, Policy({HUMAN: Traits(mailbox=True)}), self.tasks)
        self.notices = WatchNotices(self.fleet, self.store, self.clock)

    async def prepare(self) -> None:
        await self.fleet.add(Peer("boss", "5eed", Settings("/", HUMAN), self.clock.now()))
        news = [self.news(number) for number in range(3)]
        now = self.clock.now()
        await self.store.commit(Batch(now, intents=tuple(intent_for(each, now) for each in news)))

    @staticmethod
    def news(number: int) -> c.Notify:
        return c.Notify(f"{number:032x}", "boss", Notice("w", "topic", f"news {number}", watch=True))

    def tell(self, number: int) -> asyncio.Task[None]:
        return self.tasks.start(self.notices.deliver(self.news(number)), "notice")

    async def told(self) -> list[list[str]]:
        """The messages, by their lines."""
        bodies = [await self.store.body(message.id) for message in self.fleet.get("boss").messages]
        return [(body or b"").decode().replace(" (watch w)", "").splitlines() for body in bodies]

    async def open_intents(self) -> list[str]:
        return [intent.key[-1] for intent in (await self.store.load()).intents]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.prepare()
    yield made
    await made.tasks.close()


async def test_news_that_comes_while_earlier_news_is_stored_is_told_next(world: World) -> None:
    world.tell(0)
    world.tell(1)
    world.store.open.clear()
    await world.clock.advance(GATHER)
    world.tell(2)
    await world.clock.advance(GATHER)
    world.store.open.set()
    await world.clock.advance(APART / 2)
    assert await world.told() == [["news 0", "news 1"]]
    await world.clock.advance(APART)
    assert await world.told() == [["news 0", "news 1"], ["news 2"]]
    assert await world.open_intents() == []


async def test_news_that_cannot_be_stored_is_told_once_it_can_be_and_once(world: World) -> None:
    """The executor tells again what has failed; the rest waits for its own turn."""
    world.store.open.clear()
    first, second = world.tell(0), world.tell(1)
    await world.clock.advance(GATHER)
    third = world.tell(2)
    world.store.full = True
    world.store.open.set()
    await world.clock.advance(0)
    assert isinstance(first.exception(), StoreError)
    assert not second.done()
    world.store.full = False
    world.tell(0)
    await world.clock.advance(APART)
    assert second.done()
    assert third.done()
    assert await world.told() == [["news 1", "news 2", "news 0"]]
    assert await world.open_intents() == []


async def test_P11_a_new_watcher_is_told_nothing_of_what_one_of_its_name_has_watched(world: World) -> None:
    now = world.clock.now()
    first = world.tasks.start(world.notices.deliver(replace(world.news(0), since=now)), "notice")
    await world.fleet.tell("boss", r.Remove("operator", force=True))
    await world.clock.advance(GATHER / 2)
    now = world.clock.now()
    await world.fleet.add(Peer("boss", "5eed2", Settings("/", HUMAN), now))
    world.tasks.start(world.notices.deliver(replace(world.news(1), since=now)), "notice")
    await world.clock.advance(GATHER)
    assert first.done()
    assert await world.told() == [["news 1"]]
