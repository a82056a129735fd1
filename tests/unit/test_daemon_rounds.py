"""What waits in several lanes at one moment is decided and committed together; what fails, fails alone."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import move as m
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN, REMOTE
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.watch import Watch, Watched
from roost.daemon.state.clock_reading import read_clocks
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lanes import AGAIN
from roost.daemon.state.tasks import Tasks
from roost.errors import QueueFullError, RoostError, StoreError
from roost.host.memory.clock import VirtualClock
from roost.store.errors import BatchError, DuplicateMessageError
from roost.store.interfaces import Batch, JournalRow
from roost.store.memory import MemoryStore, Point
from tests.support.wait import eventually

NAMES = ("a", "b", "c")
MOVE = m.Move(f"{7:032x}", "venus", "/", "operator", handed=True, ready=True)
PATIENCE = 10.0


class CountingStore(MemoryStore):
    """A store that notes what it was given, waits until it is `open`, and refuses what is for some peers."""

    def __init__(self) -> None:
        super().__init__()
        self.open = asyncio.Event()
        self.open.set()
        self.given: list[Batch] = []
        self.refused: dict[str, StoreError] = {}

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        self.given.append(batch)
        await self.open.wait()
        peers = [change.peer.name for change in batch.changes if isinstance(change, c.SavePeer)]
        for name in (*peers, *(line.peer for line in batch.journal)):
            if name in self.refused:
                raise self.refused[name]
        return await super().commit(batch)


class World:
    """Three mailboxes that hold two messages each."""

    def __init__(self) -> None:
        self.store, self.tasks = CountingStore(), Tasks()
        policy = Policy({HUMAN: Traits(mailbox=True), REMOTE: Traits(remote=True)})
        self.clock = VirtualClock()
        self.fleet = Fleet(self.store, self.clock, policy, self.tasks)

    async def prepare(self) -> None:
        for name in NAMES:
            await self.fleet.add(Peer(name, "5eed", Settings("/", HUMAN, queue_limit=2), 1.0))
        self.store.given.clear()

    async def leaving(self) -> None:
        """One more peer, which venus has all of, with a message that waits for it."""
        await self.fleet.add(Peer("p", "5eed", Settings("/", "demo"), 1.0, moving=MOVE))
        await self.send(1, "p")

    async def stub(self) -> None:
        """The peer `p` of venus, with a message on its way to it."""
        await self.fleet.add(Peer("p@venus", "5eed", Settings("/", REMOTE), 1.0, former=("q",)))
        await self.send(2, "p@venus")

    def leave(self) -> "asyncio.Task[bool]":
        """It is on record that `p` is of venus."""
        return asyncio.ensure_future(self.fleet.report("p", m.Owned(MOVE.id, "venus")))

    async def is_left(self, *numbers: int) -> None:
        """Only `p@venus` is there, with these messages, and the store has it so."""
        state = self.fleet.get("p@venus")
        assert self.fleet.find("p") is None
        assert (state.peer.moving, state.peer.former[-1]) == (None, "p")
        assert sorted(int(message.id, 16) for message in state.messages) == list(numbers)
        assert [each for each in await self.store.peers() if each.peer.name not in NAMES] == [state]

    async def send(self, number: int, to: str, topic: str | None = None) -> PeerState | None:
        message = Message(f"{number:032x}", "operator", to, 1.0 + number, 2, "d", topic=topic)
        outcome = await self.fleet.tell(to, r.Submit(message, fresh=True), bodies={message.id: b"hi"})
        return outcome.state

    async def send_all(self, *to: str) -> list[PeerState | BaseException | None]:
        return await asyncio.gather(
            *(self.send(number, name) for number, name in enumerate(to)), return_exceptions=True
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.prepare()
    yield made
    await made.tasks.close()


async def test_what_comes_at_one_moment_is_one_commit(world: World) -> None:
    """In the order in which it came to each peer; each is told by the journal once."""
    told: list[JournalRow] = []
    world.fleet.listeners.on_journal.append(told.extend)
    await world.send_all("a", "b", "a", "c")
    (batch,) = world.store.given
    assert len(batch.bodies) == 4
    assert [message.id for message in world.fleet.get("a").messages] == [f"{0:032x}", f"{2:032x}"]
    assert [row.seq for row in told] == sorted(row.seq for row in await world.store.events())[-4:]


async def test_a_refusal_is_for_whom_it_is_meant(world: World) -> None:
    found = await world.send_all("a", "a", "a", "b")
    assert [type(each) for each in found] == [PeerState, PeerState, QueueFullError, PeerState]
    assert len(world.store.given) == 1


@pytest.mark.parametrize("error", [BatchError("it cannot be stored"), StoreError("the disk is full")])
async def test_what_cannot_be_stored_together_is_stored_alone(world: World, error: StoreError) -> None:
    """The store refuses what is for one peer: the others have theirs, and it has nothing."""
    world.store.refused["b"] = error
    found = await world.send_all("a", "b", "c", "b")
    assert [type(each) for each in found] == [PeerState, type(error), PeerState, type(error)]
    assert [len(world.fleet.get(name).messages) for name in NAMES] == [1, 0, 1]
    assert len(await world.store.messages()) == 2
    world.store.refused.clear()
    assert isinstance(await world.send(9, "b"), PeerState)


async def test_what_contradicts_the_store_fails_alone(world: World) -> None:
    """As a message whose id another peer's has: another host chooses those of its own."""
    await world.send(1, "a")
    found = await asyncio.gather(
        *(world.send(number, to) for number, to in ((2, "b"), (1, "b"), (3, "b"), (4, "c"))),
        world.fleet.insist("b", f.Seen()),
        return_exceptions=True,
    )
    assert [type(each) for each in found] == [PeerState, DuplicateMessageError, PeerState, PeerState, bool]
    assert [int(message.id, 16) for message in world.fleet.get("b").messages] == [2, 3]
    assert [await world.store.body(f"{number:032x}") for number in (1, 2, 3)] == [b"hi"] * 3


async def test_what_contradicts_the_store_keeps_no_fact_from_being_stored(world: World) -> None:
    """Also one that was kept while the disk was full, and where the clock was set meanwhile."""
    world.store.refused["b"] = StoreError("the disk is full")
    assert not await world.fleet.insist("b", r.Stop("op"))
    world.store.refused.clear()
    world.clock.jump(3600)
    await world.send(1, "a")
    with pytest.raises(DuplicateMessageError):
        await world.send(1, "b")
    assert world.fleet.get("b").peer.stopped
    assert next(each for each in await world.store.peers() if each.peer.name == "b") == world.fleet.get("b")


async def test_what_waits_for_a_peer_under_its_new_name_is_its_own_once_it_has_left(world: World) -> None:
    await world.leaving()
    await world.stub()
    await world.leave()
    await world.is_left(1, 2)
    assert world.fleet.called("q") == "p@venus"
    await world.send(3, "p@venus")
    await world.is_left(1, 2, 3)


@pytest.mark.parametrize("point", list(Point))
async def test_what_comes_under_its_new_name_as_a_peer_leaves_comes_after_that(
    world: World, point: Point
) -> None:
    await world.leaving()
    await world.stub()
    stop = world.store.stop_next(point)
    left = world.leave()
    await stop.reached.wait()
    sent = asyncio.ensure_future(world.send(3, "p@venus"))
    await asyncio.sleep(0)
    stop.go.set()
    await asyncio.gather(left, sent)
    await world.is_left(1, 2, 3)


@pytest.mark.parametrize("point", list(Point))
async def test_a_peer_leaves_once_what_is_under_way_under_its_new_name_is_stored(
    world: World, point: Point
) -> None:
    await world.leaving()
    await world.stub()
    stop = world.store.stop_next(point)
    sent = asyncio.ensure_future(world.send(3, "p@venus"))
    await stop.reached.wait()
    left = world.leave()
    later = asyncio.ensure_future(world.send(4, "p"))
    await asyncio.sleep(0)
    assert len(world.store.given) == 5, "the peers, their messages, and this one"
    stop.go.set()
    await asyncio.gather(sent, left, later)
    await world.is_left(1, 2, 3, 4)


async def test_a_peer_leaves_in_the_round_of_what_comes_under_its_new_name(world: World) -> None:
    await world.leaving()
    await world.stub()
    await asyncio.gather(world.send(3, "p@venus"), world.leave(), world.send(4, "p@venus"))
    await world.is_left(1, 2, 3, 4)


@pytest.mark.parametrize("point", list(Point))
async def test_a_peer_leaves_while_its_new_name_is_being_added(world: World, point: Point) -> None:
    await world.leaving()
    stop = world.store.stop_next(point)
    added = asyncio.ensure_future(world.stub())
    await stop.reached.wait()
    left = world.leave()
    await asyncio.sleep(0)
    stop.go.set()
    await asyncio.gather(added, left)
    await world.is_left(1, 2)


@pytest.mark.parametrize("point", list(Point))
async def test_its_new_name_is_taken_as_a_peer_leaves(world: World, point: Point) -> None:
    await world.leaving()
    stop = world.store.stop_next(point)
    left = world.leave()
    await stop.reached.wait()
    added = asyncio.ensure_future(world.stub())
    await asyncio.sleep(0)
    stop.go.set()
    await left
    with pytest.raises(RoostError, match="there is a peer 'p@venus' already"):
        await added
    await world.is_left(1)


async def test_a_peer_that_cannot_leave_yet_leaves_what_is_under_its_new_name_as_it_is(world: World) -> None:
    await world.leaving()
    await world.stub()
    world.store.fail_next()
    left = world.leave()
    await eventually(lambda: world.fleet.trouble("p"), timeout=PATIENCE, why="the store has refused it")
    await world.send(3, "p@venus")
    await world.clock.advance(AGAIN)
    await left
    await world.is_left(1, 2, 3)


async def test_a_defect_in_the_news_of_one_peer_keeps_back_no_other(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def told(name: str, _state: PeerState | None, _commands: tuple[c.Command, ...]) -> None:
        if name == "b":
            raise ZeroDivisionError

    world.fleet.listeners.on_committed.append(told)
    with caplog.at_level(logging.ERROR):
        found = await world.send_all("a", "b", "c")
    assert [type(each) for each in found] == [PeerState] * 3
    assert "not all could be told of a commit of b" in caplog.text
    assert [len(world.fleet.get(name).messages) for name in NAMES] == [1, 1, 1]


async def told_of_topic(world: World, *, once: bool) -> list[str]:
    """What a watch tells when others are written to while the first message is being stored."""
    watch = Watch("w", "boss", Watched.TOPIC, "deploy", 1.0, 1e12, once)
    world.fleet.watches.load([watch], read_clocks(world.clock))
    told: list[str] = []

    def effect(made: c.Effect) -> None:
        if isinstance(made, c.Notify):
            told.append(made.notice.why)

    world.fleet.listeners.on_effect = effect
    world.store.open.clear()
    sent: list[asyncio.Task[PeerState | None]] = []
    for number, name in enumerate(NAMES):
        sent.append(world.tasks.start(world.send(number, name, "deploy"), "send"))
        await world.clock.advance(0)
    world.store.open.set()
    await asyncio.wait(sent)
    return [next(name for name in NAMES if f"wrote to '{name}'" in why) for why in told]


async def test_a_watch_that_tells_once_does_so_whatever_is_being_stored(world: World) -> None:
    assert await told_of_topic(world, once=True) == ["a"]
    assert world.fleet.watches.all() == []


async def test_a_watch_counts_all_that_it_tells_whatever_is_being_stored(world: World) -> None:
    assert await told_of_topic(world, once=False) == ["a", "b", "c"]
    assert [watch.told for watch in world.fleet.watches.all()] == [3]


async def test_a_watch_tells_of_the_next_message_where_the_first_is_not_stored(world: World) -> None:
    world.store.refused["a"] = StoreError("the disk is full")
    assert await told_of_topic(world, once=True) == ["b"]


async def test_what_is_being_stored_holds_nobody_up_where_nothing_is_watched(world: World) -> None:
    assert await told_of_topic(world, once=True) == ["a"]
    world.store.given.clear()
    world.store.open.clear()
    for number, name in enumerate(NAMES, 4):
        world.tasks.start(world.send(number, name, "deploy"), "send")
        await world.clock.advance(0)
    assert len(world.store.given) == len(NAMES)
    world.store.open.set()
