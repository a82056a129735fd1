"""What operators of one host ask of another, on twins: once, while it is fresh, and where it is granted."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from roost.core.vocabulary.message import MessageState
from roost.daemon.hosts.answering import FRESH
from roost.daemon.hosts.asking import QUIET, UnansweredError
from roost.daemon.hosts.commands import as_here, of_host
from roost.daemon.hosts.frames import Ask, Letter, Word, encode
from roost.daemon.hosts.members import BEAT
from roost.errors import DeniedError, NotFoundError, RefusedError, RoostError
from roost.host.memory.carrier import MemoryHub
from roost.host.memory.clock import VirtualClock
from roost.host.memory.directory import MemoryBoard
from roost.host.seal import seal
from roost.local.grants import Grant, Grants
from tests.support.two_hosts import PAIRS, PATIENCE, Host
from tests.support.wait import eventually


@dataclass
class Doing:
    """What venus does: it writes it down, and answers once it is told to go on."""

    host: Host
    done: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    error: RoostError | None = None

    def peers_of(self, method: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        del method
        return (self.host.fleet.get(params["name"]).peer.name,)

    async def do(
        self,
        method: str,
        params: Mapping[str, Any],
        by: str,
        allowed: Callable[[str], bool],
        progress: Callable[[dict[str, Any]], None],
    ) -> tuple[Any, list[str]]:
        assert allowed(params["name"])
        self.done.append((method, params["name"], by))
        progress({"state": "starting", "why": "it comes up"})
        await self.goes_on.wait()
        if self.error is not None:
            raise self.error
        return {"name": params["name"], "state": "idle"}, ["a note"]


@dataclass
class World:
    """mars asks, venus does; `told`: the progress that mars was told of."""

    hub: MemoryHub = field(default_factory=MemoryHub)
    clock: VirtualClock = field(default_factory=VirtualClock)
    board: MemoryBoard = field(default_factory=MemoryBoard)
    told: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __post_init__(self) -> None:
        self.mars = Host("mars", self.hub, self.clock, self.board)
        grants = Grants(hosts={"mars": Grant(deliver=("bob",), operate=("bob",))})
        self.venus = Host("venus", self.hub, self.clock, self.board, grants=grants)

    async def start(self) -> None:
        await self.mars.start("alice")
        await self.venus.start("bob", "dave")
        self.doing = Doing(self.venus)
        self.venus.hosts.answering.doing = self.doing
        await self.reached()

    async def reached(self) -> None:
        async def heard() -> bool:
            await self.clock.advance(BEAT)
            members = self.mars.hosts.members
            return members.silent_since("venus") is None

        await eventually(heard, timeout=PATIENCE, why="mars has heard of venus")

    def ask(self, peer: str = "bob") -> "asyncio.Task[tuple[Any, list[str]]]":
        asked = self.mars.hosts.asking.ask("venus", "wake", {"name": peer}, self.told.append)
        return asyncio.get_running_loop().create_task(asked)

    async def begun(self, count: int = 1) -> None:
        await eventually(lambda: len(self.doing.done) == count, timeout=PATIENCE, why="venus does it")

    async def passes(self, asked: "asyncio.Task[Any]", seconds: float) -> None:
        """So many seconds pass, or until it is answered."""
        for _ in range(int(seconds)):
            if asked.done():
                return
            await self.clock.advance(1.0)

    async def journal(self, host: Host) -> list[tuple[str, str]]:
        return [(row.kind, row.peer) for row in await host.store.events(0, None, 1000) if "ask" in row.kind]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.start()
    yield made
    await made.mars.stop()
    await made.venus.stop()


async def test_what_is_granted_is_done_in_the_name_of_who_asked_and_told_on_both_sides(world: World) -> None:
    asked = world.ask()
    await world.begun()
    world.doing.goes_on.set()
    result, notes = await asked
    assert world.doing.done == [("wake", "bob", "operator@mars")]
    assert result == {"name": "bob@venus", "state": "idle", "host": "venus"}
    assert notes == ["venus: a note"]
    assert await world.journal(world.mars) == [("asking", "bob@venus")]
    assert await world.journal(world.venus) == [("asked", "bob")]


async def test_what_takes_long_is_waited_for_while_its_host_says_that_it_goes_on(world: World) -> None:
    asked = world.ask()
    await world.begun()
    await world.passes(asked, 4 * QUIET)
    assert world.told[0] == {"state": "starting", "why": "it comes up"}
    world.doing.goes_on.set()
    assert (await asked)[0]["state"] == "idle"


async def test_an_answer_that_never_comes_leaves_it_open_whether_it_was_done(world: World) -> None:
    asked = world.ask()
    await world.begun()
    world.hub.cut.add("venus")
    await world.passes(asked, 2 * QUIET)
    with pytest.raises(
        UnansweredError, match=r"whether it did what it was asked for \(`wake`\) is not known"
    ) as open_:
        await asked
    assert (open_.value.exit_code, open_.value.code) == (3, "unanswered")


async def test_what_could_not_be_handed_over_is_open_too(world: World) -> None:
    world.hub.cut.add("mars")
    with pytest.raises(UnansweredError):
        await world.ask()


async def test_a_host_that_is_away_is_asked_for_nothing(world: World) -> None:
    world.board.cut.add("venus")
    await world.board.tell()
    await world.clock.advance(60.0)
    with pytest.raises(RefusedError, match=r"'venus' is unreachable since .*; nothing was asked of it"):
        await world.ask()
    assert world.doing.done == []


async def test_what_is_not_granted_is_refused_with_where_to_grant_it(world: World) -> None:
    with pytest.raises(
        DeniedError, match=r"venus: nobody of 'mars' may do that to 'dave': \[fleet.grants.mars\]"
    ):
        await world.ask("dave")
    assert world.doing.done == []
    assert await world.journal(world.venus) == [("asked-refused", "dave")]


async def test_what_its_host_refuses_comes_back_as_that_error(world: World) -> None:
    with pytest.raises(NotFoundError, match=r"venus: there is no peer .eve."):
        await world.ask("eve")
    world.doing.error = RefusedError("'bob' is stopped; see `roost show bob`, or `roost send bob` it")
    world.doing.goes_on.set()
    with pytest.raises(RefusedError) as refused:
        await world.ask()
    # a peer of mars may be called so
    there = "venus: 'bob' is stopped; see `roost show bob@venus`, or `roost send bob@venus` it"
    assert refused.value.message == there


async def test_commands_in_what_a_host_tells_name_its_peers_by_their_addresses(world: World) -> None:
    """Here another peer may have that name; nothing else is changed, whatever peers there are called."""
    answer = {"name": "bob", "why": "parked; `roost start bob` unparks it"}
    there = {"name": "bob@venus", "host": "venus", "why": "parked; `roost start bob@venus` unparks it"}
    assert of_host("venus", [answer, 1], {"bob"}) == [there, 1]
    for text in (
        "bob's `start bob` and `roost list`",
        "`roost messages --state bob`",
        "`roost bob` here",
        "`roost show bob@venus`",
        "`roost stop bobby` or `roost gc",
    ):
        assert as_here(text, "venus", {"bob"}) == text
    assert as_here("`roost messages bob --state bob`", "v", {"bob"}) == "`roost messages bob@v --state bob`"

    sent = await world.mars.send("alice", "bob@venus")
    why = "its queue is full; see `roost messages bob --state queued`"
    await world.mars.hosts.intake.take("venus", [Word("alice", sent, MessageState.REFUSED, why)])
    assert (await world.mars.story(sent)).message.why == f"venus: {why}".replace(" bob ", " bob@venus ")
    news = "it fails; `roost show bob` tells more"
    body = f"Your message “`roost show bob`”: fails. {news}".encode()
    letter = Letter("b" * 32, "system", "alice", 0.0, body, "d", notice=(sent, "fails", news))
    await world.mars.hosts.intake.take("venus", [letter])
    told = "Your message “`roost show bob`”: fails. it fails; `roost show bob@venus` tells more"
    assert told in " ".join(await world.mars.read("alice"))


async def test_a_request_that_comes_again_is_done_once(world: World) -> None:
    world.hub.double = True
    asked = world.ask()
    await world.begun()
    world.doing.goes_on.set()
    await asked
    world.hub.double = False
    await world.ask()
    assert len(world.doing.done) == 2


async def replay(world: World, ask: Ask) -> None:
    """A frame of mars comes to venus, however it came into other hands."""
    await world.hub.put("mars", "venus", seal(encode(ask), PAIRS["mars"].private, PAIRS["venus"].public))


async def test_a_request_that_was_long_on_its_way_is_not_done(world: World) -> None:
    sign = world.mars.hosts.members.sign("venus")
    assert sign is not None
    for _ in range(int(FRESH / BEAT) + 2):
        await world.clock.advance(BEAT)
    await replay(world, Ask("late", sign.run, sign.number, "wake", {"name": "bob"}))
    await replay(world, Ask("other", "another run", sign.number, "wake", {"name": "bob"}))
    await replay(world, Ask("future", sign.run, 10**6, "wake", {"name": "bob"}))

    async def refused() -> bool:
        return [kind for kind, _ in await world.journal(world.venus)] == ["asked-refused"] * 3

    await eventually(refused, timeout=PATIENCE, why="all are refused")
    assert world.doing.done == []


async def test_a_request_that_came_while_its_host_slept_is_not_done_when_it_wakes(world: World) -> None:
    """Whoever asked has been told long ago that it did not answer."""
    sign = world.mars.hosts.members.sign("venus")
    assert sign is not None
    world.clock.suspend(3600.0)
    await replay(world, Ask("late", sign.run, sign.number, "wake", {"name": "bob"}))

    async def refused() -> bool:
        return [kind for kind, _ in await world.journal(world.venus)] == ["asked-refused"]

    await eventually(refused, timeout=PATIENCE, why="it is refused")
    assert world.doing.done == []


async def test_messages_are_taken_for_whom_it_is_granted_and_answers_always(world: World) -> None:
    refused = await world.mars.send("alice", "dave@venus")
    assert "does not name it in `deliver`" in (await world.mars.ends(refused, "refused")).message.why
    taken = await world.mars.send("alice", "bob@venus")
    await world.venus.ends(taken, "queued")
    question = await world.venus.send("dave", "alice@mars", "what is it?")
    await world.mars.ends(question, "queued")
    answer = await world.mars.send("alice", "dave@venus", "this", reply_to=question)
    await world.venus.ends(answer, "queued")
    foreign = await world.mars.send("alice", "dave@venus", "this, too", reply_to=taken)
    await world.mars.ends(foreign, "refused")
