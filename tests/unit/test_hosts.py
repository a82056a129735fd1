"""Two hosts on twins: a message and its story go there and back, whatever becomes of frames and daemons."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import OPERATOR, derive
from roost.core.vocabulary.message import Chain, MessageState, Notice, Origin
from roost.core.vocabulary.peer import Peer, Settings, WakePolicy
from roost.daemon.hosts.frames import Heard, Word, encode
from roost.daemon.hosts.link import AWAY, RETRY, SILENCE, SILENCE_MOST, Link
from roost.daemon.hosts.members import BEAT, SILENT
from roost.errors import StoreError
from roost.host.memory.carrier import MemoryCarrier, MemoryHub
from roost.host.memory.clock import VirtualClock
from roost.host.memory.directory import MemoryBoard
from roost.host.seal import seal
from roost.store.errors import BatchError
from roost.store.interfaces import Batch, JournalRow
from roost.store.memory import Point
from tests.support.two_hosts import PAIRS, PATIENCE, Host
from tests.support.wait import eventually


class World:
    """mars with alice, venus with bob."""

    def __init__(self, ahead: float = 0.0) -> None:
        """`ahead`: by how many seconds the clock of venus is."""
        self.hub, self.clock = MemoryHub(), VirtualClock()
        self.board = MemoryBoard()
        self.mars = Host("mars", self.hub, self.clock, self.board)
        theirs = VirtualClock(self.clock.now() + ahead) if ahead else self.clock
        self.venus = Host("venus", self.hub, theirs, self.board)

    async def disturb(self, chance: random.Random) -> None:
        """Something happens to a host, or to what is between them."""
        host = chance.choice([self.mars, self.venus])
        match chance.randrange(12):
            case 0:
                self.hub.cut ^= {host.name}
                await self.hub.tell()
            case 1:
                self.hub.lose += chance.randrange(3)
            case 2:
                self.hub.double = not self.hub.double
            case 3:
                await host.restart()
            case 4:
                host.store.fail_next()
            case _:
                pass
        await self.clock.advance(chance.random())


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.mars.start("alice", "carol")
    await made.venus.start("bob", "dave")
    yield made
    await made.mars.stop()
    await made.venus.stop()


def outcomes(story: object) -> list[str]:
    return [attempt.outcome for attempt in story.attempts]  # type: ignore[attr-defined]


async def test_a_message_is_read_there_and_its_whole_story_is_told_here(world: World) -> None:
    sent = await world.mars.send("alice", "bob@venus", "look at this", topic="pr-12")
    assert await world.venus.mail("bob", 1) == ["alice@mars: look at this"]
    done = await world.mars.ends(sent, "done")
    assert done.message.why == "venus: read"
    assert outcomes(done) == ["arrived", "accepted", "done"]
    assert (await world.venus.story(sent)).message.topic == "pr-12"

    async def all_settled() -> bool:
        return not [*(await world.mars.store.load()).intents, *(await world.venus.store.load()).intents]

    await eventually(all_settled, timeout=PATIENCE, why="nothing is left to be sent")


async def test_an_answer_goes_back_and_ends_the_message(world: World) -> None:
    sent = await world.mars.send("alice", "bob@venus")
    await world.venus.ends(sent, "queued")
    await world.venus.send("bob", "alice@mars", "done", reply_to=sent)
    assert await world.mars.mail("alice", 1) == ["bob@venus: done"]
    assert "names it" in (await world.mars.ends(sent, "done")).message.why


async def test_a_recipient_that_is_not_there_is_told_with_its_reason(world: World) -> None:
    sent = await world.mars.send("alice", "bobb@venus")
    refused = await world.mars.ends(sent, "refused")
    assert refused.message.why == "venus: there is no peer 'bobb'; did you mean 'bob'?"


async def test_a_message_that_can_never_be_stored_there_is_refused_and_keeps_none_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = world.venus.store.commit

    async def contradicted(batch: Batch) -> tuple[JournalRow, ...]:
        if b"bad" in batch.bodies.values():
            raise BatchError("the batch contradicts the store")
        return await commit(batch)

    monkeypatch.setattr(world.venus.store, "commit", contradicted)
    world.hub.cut.add("mars")
    sent = [await world.mars.send("alice", "bob@venus", text) for text in ("one", "bad", "two")]
    world.hub.cut.clear()
    await world.hub.tell()
    await world.clock.advance(RETRY)
    assert await world.venus.mail("bob", 2) == ["alice@mars: one", "alice@mars: two"]
    refused = await world.mars.ends(sent[1], "refused")
    assert refused.message.why == "venus: the batch contradicts the store"


async def test_the_bound_on_agents_that_answer_each_other_holds_between_hosts(world: World) -> None:
    """A host that gives an answer too early a place in the chain is not believed."""
    mars, venus, root = world.mars, world.venus, "a" * 32
    settings = Settings("/", "demo", wake=WakePolicy.NEVER, chain_limit=2)
    await venus.fleet.add(Peer("worker", "seed of worker", settings, world.clock.now()))
    await venus.fleet.add(Peer(OPERATOR, "seed of operator", Settings("/", "human"), world.clock.now()))
    third = await mars.send("alice", "worker@venus", origin=Origin(chain=Chain(3, root)))
    refused = await mars.ends(third, "refused")
    assert "2 messages went between agents" in refused.message.why
    for told in (*await mars.mail("alice", 1), *await venus.mail(OPERATOR, 1)):
        assert "chain-limit. 2 messages went between agents" in told
    for host, to in (mars, "alice@mars"), (venus, OPERATOR), (venus, "worker"):
        notice = (await host.story(derive(root, "chain", to))).message
        assert notice.chain == Chain(3, root), "what they say of it comes after it"
    question = await venus.send("worker", "alice@mars", origin=Origin(chain=Chain(2, "b" * 32)))
    await mars.ends(question, "queued")
    again = Origin(chain=Chain(1, "c" * 32))
    answer = await mars.send("alice", "worker@venus", reply_to=question, origin=again)
    assert "2 messages went between agents" in (await mars.ends(answer, "refused")).message.why
    person = await mars.send("alice", "worker@venus", reply_to=question)
    await venus.ends(person, "queued")
    second = await mars.send("alice", "worker@venus", origin=Origin(chain=Chain(2, root)))
    await venus.ends(second, "queued")
    assert (await venus.story(second)).message.chain == Chain(2, root)
    news, root = Notice(question, "expired", "why"), "d" * 32
    far = await mars.send("roost", "worker@venus", notice=news, origin=Origin(chain=Chain(4, root)))
    await mars.ends(far, "refused")
    *_, told = await venus.mail(OPERATOR, 2)
    assert "'worker' takes (chain_limit), so it is told no more" in told
    assert venus.fleet.get("roost@mars").messages == (), "nobody there is told of it"


async def test_a_notice_goes_to_its_sender_on_the_other_host(world: World) -> None:
    sent = await world.mars.send("alice", "bob@venus", expires_at=world.clock.now() + 60.0)
    await world.mars.ends(sent, "queued")
    await world.venus.ends(sent, "queued")
    await world.clock.advance(61.0)
    await world.venus.fleet.tell("bob", f.Tick())
    (told,) = await world.mars.mail("alice", 1)
    assert told.startswith("roost@venus: Your message")
    await world.mars.ends(sent, "expired")


async def test_P11_a_new_peer_gets_neither_answers_nor_news_to_what_one_of_its_name_sent(
    world: World,
) -> None:
    """Its own host knows when it was made."""
    expires = world.clock.now() + 60.0
    sent = [await world.mars.send("alice", "bob@venus", expires_at=expires) for _ in range(2)]
    await world.venus.ends(sent[1], "queued")
    await world.mars.fleet.tell("alice", r.Remove("operator", force=True))
    await world.clock.advance(61.0)
    await world.mars.fleet.add(Peer("alice", "another", Settings("/", "human"), world.clock.now()))
    answer = await world.venus.send("bob", "alice@mars", reply_to=sent[0])
    await world.venus.fleet.tell("bob", f.Tick())
    refused = await world.venus.ends(answer, "refused")
    assert "'alice', who sent message" in refused.message.why
    plain = await world.venus.send("bob", "alice@mars", "hello")
    await world.venus.ends(plain, "queued")
    assert await world.mars.mail("alice", 1) == ["bob@venus: hello"]


async def test_an_answer_comes_to_a_renamed_peer_though_another_has_its_name(world: World) -> None:
    sent = await world.mars.send("alice", "bob@venus")
    await world.venus.ends(sent, "queued")
    await world.mars.fleet.rename("alice", r.Rename("alina", "operator", force=True))
    await world.clock.advance(61.0)
    await world.mars.fleet.add(Peer("alice", "another", Settings("/", "human"), world.clock.now()))
    await world.venus.send("bob", "alice@mars", "yes", reply_to=sent)
    assert await world.mars.mail("alina", 1) == ["bob@venus: yes"]
    assert await world.mars.store.inbox("alice") == []


async def test_a_host_that_is_cut_off_takes_messages_and_delivers_them_in_order(world: World) -> None:
    world.hub.cut |= {"mars", "venus"}
    for number in range(200):
        await world.mars.send("alice", "bob@venus", str(number))
    assert world.mars.hosts.link("venus").waiting == 200
    assert await world.venus.store.inbox("bob") == []
    world.hub.cut.clear()
    await world.hub.tell()
    await world.clock.advance(RETRY)
    assert await world.venus.mail("bob", 200) == [f"alice@mars: {number}" for number in range(200)]


async def test_a_daemon_that_starts_again_sends_what_has_not_arrived(world: World) -> None:
    world.hub.cut.add("mars")
    sent = [await world.mars.send("alice", "bob@venus", str(number)) for number in range(5)]
    await world.mars.stop()
    world.hub.cut.clear()
    await world.mars.start()
    assert await world.venus.mail("bob", 5) == [f"alice@mars: {number}" for number in range(5)]
    for each in sent:
        await world.mars.ends(each, "done")


async def test_frames_that_are_lost_or_come_twice_change_nothing(world: World) -> None:
    world.hub.lose = 2
    world.hub.double = True
    for number in range(3):
        await world.mars.send("alice", "bob@venus", str(number))
    found: list[str] = []

    async def all_of_them() -> bool:
        await world.clock.advance(SILENCE_MOST)
        found.extend(await world.venus.read("bob"))
        return len(found) >= 3

    await eventually(all_of_them, timeout=PATIENCE, why="all three were read")
    assert found == [f"alice@mars: {number}" for number in range(3)]


async def test_a_store_that_refuses_takes_it_when_it_comes_again(world: World) -> None:
    await world.venus.hosts.intake.know("alice@mars")
    world.venus.store.fail_next(StoreError("the disk is full"))
    await world.mars.send("alice", "bob@venus")
    found: list[str] = []

    async def taken() -> bool:
        await world.clock.advance(SILENCE)
        found.extend(await world.venus.read("bob"))
        return bool(found)

    await eventually(taken, timeout=PATIENCE, why="it is taken once the store takes it")
    assert found == ["alice@mars: look"]


async def test_a_letter_is_taken_while_its_sender_is_written_to_for_the_first_time(world: World) -> None:
    """Both have the same peer of the other host added: the second waits for the first."""
    stop = world.venus.store.stop_next(Point.BEFORE)
    first = asyncio.ensure_future(world.venus.send("bob", "alice@mars", "hello"))
    await stop.reached.wait()
    others = [asyncio.ensure_future(world.venus.hosts.intake.know("alice@mars")) for _ in range(2)]
    await world.mars.send("alice", "bob@venus", "meanwhile")
    await eventually(lambda: world.hub.kept("venus"), timeout=PATIENCE, why="it has come to venus")
    stop.go.set()
    await asyncio.gather(first, *others)
    await world.mars.send("alice", "bob@venus", "later")
    assert await world.venus.mail("bob", 2) == ["alice@mars: meanwhile", "alice@mars: later"]


async def test_who_waits_for_a_peer_to_be_added_adds_it_where_that_fails(world: World) -> None:
    stop = world.venus.store.stop_next(Point.BEFORE)
    world.venus.store.fail_next()
    first = asyncio.ensure_future(world.venus.hosts.intake.know("alice@mars"))
    await stop.reached.wait()
    second = asyncio.ensure_future(world.venus.hosts.intake.know("alice@mars"))
    stop.go.set()
    with pytest.raises(StoreError):
        await first
    await second
    assert world.venus.fleet.find("alice@mars") is not None


async def test_a_frame_that_cannot_be_taken_makes_its_host_deaf_to_none_after_it(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take = world.venus.hosts.intake.take

    async def fails_once(_origin: str, _entries: object) -> None:
        monkeypatch.setattr(world.venus.hosts.intake, "take", take)
        raise ZeroDivisionError

    monkeypatch.setattr(world.venus.hosts.intake, "take", fails_once)
    with caplog.at_level(logging.ERROR):
        await world.mars.send("alice", "bob@venus", "first")
        await eventually(lambda: "is not taken" in caplog.text, timeout=PATIENCE, why="it failed")
    await world.mars.send("alice", "bob@venus", "second")
    await world.clock.advance(SILENCE)
    assert await world.venus.mail("bob", 2) == ["alice@mars: first", "alice@mars: second"]


async def test_a_frame_that_cannot_be_sent_keeps_back_none_for_good(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    body = world.mars.store.body

    async def fails_once(_message_id: str) -> bytes:
        monkeypatch.setattr(world.mars.store, "body", body)
        raise ZeroDivisionError

    monkeypatch.setattr(world.mars.store, "body", fails_once)
    with caplog.at_level(logging.ERROR):
        await world.mars.send("alice", "bob@venus")
        await eventually(lambda: "nothing is sent" in caplog.text, timeout=PATIENCE, why="it failed")
    await world.clock.advance(RETRY)
    assert await world.venus.mail("bob", 1) == ["alice@mars: look"]


async def test_no_host_tells_of_a_message_that_is_not_its_own(world: World) -> None:
    sent = await world.mars.send("alice", "carol")
    word = Word("alice", sent, MessageState.DONE, "stolen")
    await world.mars.hosts.intake.take("venus", [word])
    assert (await world.mars.story(sent)).message.state is MessageState.QUEUED


async def test_what_cannot_be_read_is_passed_over(world: World) -> None:
    await world.hub.put("venus", "mars", b"\xc1 nonsense")
    for frame in (b"\xc1 nonsense", encode(Heard(7, 3))):
        sealed = seal(frame, PAIRS["venus"].private, PAIRS["mars"].public)
        await world.hub.put("venus", "mars", sealed)
    sent = await world.mars.send("alice", "bob@venus")
    await world.venus.mail("bob", 1)
    await world.mars.ends(sent, "done")


async def test_a_notice_that_finds_nobody_is_answered_by_none(world: World) -> None:
    await world.mars.send("roost", "eve@venus", notice=Notice("x", "died", "it died"))
    await eventually(
        lambda: not world.mars.fleet.get("eve@venus").messages, timeout=PATIENCE, why="it was refused"
    )
    assert await world.mars.store.inbox("alice") == []


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_cut_lost_and_restarted_each_message_comes_once_and_in_order(
    world: World, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 -- no secret
    hosts = [world.mars, world.venus]
    people = {"mars": ["alice", "carol"], "venus": ["bob", "dave"]}
    wanted: dict[str, list[str]] = {}
    found: dict[str, list[str]] = {name: [] for names in people.values() for name in names}
    for number in range(120):
        here, there = chance.sample(hosts, 2)
        sender, to = chance.choice(people[here.name]), chance.choice(people[there.name])
        await here.send(sender, f"{to}@{there.name}", str(number))
        wanted.setdefault(f"{sender}@{here.name} {to}", []).append(str(number))
        await world.disturb(chance)
    world.hub.cut.clear()
    world.hub.lose = 0
    await world.hub.tell()

    async def over() -> bool:
        await world.clock.advance(SILENCE_MOST)
        for host in hosts:
            for name in people[host.name]:
                found[name] += await host.read(name)
        return not [intent for host in hosts for intent in (await host.store.load()).intents]

    await eventually(over, timeout=60.0, why="all has arrived and is known to have")
    for pair, numbers in wanted.items():
        sender, to = pair.split()
        assert [each.split(": ")[1] for each in found[to] if each.startswith(f"{sender}:")] == numbers
    for host in hosts:
        assert not any(state.messages for state in host.fleet.states())


@pytest.mark.parametrize("hours", [-5, 5])
async def test_clocks_that_are_hours_apart_change_no_time_of_a_message(hours: int) -> None:
    world = World(ahead=hours * 3600.0)
    mars, venus = world.mars, world.venus
    await mars.start("alice")
    await venus.start("bob")
    try:
        sent = await mars.send("alice", "bob@venus", expires_at=mars.clock.now() + 60.0)
        there = (await venus.ends(sent, "queued")).message
        assert (there.created_at, there.expires_at) == (venus.clock.now(), venus.clock.now() + 60.0)
        await venus.mail("bob", 1)
        done = (await mars.ends(sent, "done")).message
        assert done.accepted_at == done.created_at == mars.clock.now()
    finally:
        await mars.stop()
        await venus.stop()


class Paused(MemoryCarrier):
    """A carrier that waits before it sends."""

    def __init__(self, hub: MemoryHub, host: str) -> None:
        super().__init__(hub, host)
        self.goes = asyncio.Event()
        self.waits = asyncio.Event()
        self.sent: list[bytes] = []

    async def send(self, host: str, frame: bytes) -> None:
        self.waits.set()
        await self.goes.wait()
        self.sent.append(frame)
        await super().send(host, frame)


async def test_a_word_that_comes_while_another_is_sent_is_sent_too(world: World) -> None:
    way = Paused(world.hub, "mars")
    hosts = world.mars

    async def keep(_epoch: int) -> None: ...

    link = Link("venus", 1, way, hosts.fleet, hosts.store, hosts.clock, lambda: True, keep)
    running = hosts.tasks.start(link.run(), "a link")
    link.tell(Heard(1, 1))
    await way.waits.wait()
    link.tell(Heard(1, 2))
    way.goes.set()
    await eventually(
        lambda: way.sent == [encode(Heard(1, 1)), encode(Heard(1, 2))], timeout=PATIENCE, why="both"
    )
    running.cancel()


async def test_a_host_that_is_away_is_not_sent_the_same_again_and_again(world: World) -> None:
    """What is carried is kept for it; a day of copies would fill the hub."""
    before = await world.mars.send("alice", "bob@venus")
    await world.venus.mail("bob", 1)
    await world.mars.ends(before, "done")
    await eventually(lambda: not world.hub.kept("venus"), timeout=PATIENCE, why="all was taken")
    await world.venus.stop()
    await world.clock.advance(SILENT)
    owed = world.hub.kept("venus")  # that it heard of the end, unless venus was still there for that
    sent = await world.mars.send("alice", "bob@venus", "kept")
    await world.clock.advance(AWAY / 2)
    assert world.hub.kept("venus") == owed + 1
    await world.venus.start()
    found: list[str] = []

    async def read() -> bool:
        found.extend(await world.venus.read("bob"))
        return "alice@mars: kept" in found

    await eventually(read, timeout=PATIENCE, why="it is there once its host is back")
    await world.mars.ends(sent, "done")


async def test_what_was_lost_on_the_way_to_a_host_that_was_away_is_sent_once_it_is_back(world: World) -> None:
    await world.venus.stop()
    await world.clock.advance(SILENT)
    world.hub.lose = 1
    sent = await world.mars.send("alice", "bob@venus")
    await world.clock.advance(AWAY / 2)
    await world.venus.start()
    await world.clock.advance(2 * SILENCE)
    assert await world.venus.mail("bob", 1) == ["alice@mars: look"]
    await world.mars.ends(sent, "done")


async def test_a_hub_that_keeps_no_more_for_a_host_is_asked_seldomer_until_that_is_back(world: World) -> None:
    """Each try costs a whole frame."""
    await world.venus.stop()
    await world.clock.advance(SILENT)
    world.hub.full.add("venus")
    sent = await world.mars.send("alice", "bob@venus")
    for _ in range(600):
        await world.clock.advance(1.0)
    assert 10 <= world.hub.refused <= 20
    world.hub.full.clear()
    await world.venus.start()
    await world.clock.advance(BEAT)
    assert await world.venus.mail("bob", 1) == ["alice@mars: look"]
    await world.mars.ends(sent, "done")


async def test_an_epoch_that_a_link_began_is_not_begun_again_by_the_next_start(world: World) -> None:
    """Else venus takes what is new for what it has, and mars believes that it arrived."""
    link = world.mars.hosts.link("venus")
    await world.mars.send("alice", "bob@venus", "first")
    await world.venus.mail("bob", 1)
    await eventually(lambda: not link.waiting, timeout=PATIENCE, why="it has arrived")
    await link.heard(Heard(0, 0, gap=True))  # as if venus ran from an older copy: the next one is begun
    for number in range(5):
        await world.mars.send("alice", "bob@venus", str(number))
    assert await world.venus.mail("bob", 5) == [f"alice@mars: {number}" for number in range(5)]
    await eventually(lambda: not link.waiting, timeout=PATIENCE, why="all has arrived")
    for number in range(2):
        await world.mars.restart()
        await world.mars.send("alice", "bob@venus", f"later {number}")
        assert await world.venus.mail("bob", 1) == [f"alice@mars: later {number}"]


async def test_the_same_word_twice_is_settled_once_both_have_arrived(world: World) -> None:
    report = c.Report("bob@venus", "x", MessageState.QUEUED, "why")
    world.hub.cut.add("mars")
    link = world.mars.hosts.link("venus")
    link.put(report)
    link.put(report)
    assert link.waiting == 2
