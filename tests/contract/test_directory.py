"""What all hosts see alike, real and twin: all of it first, then what changes, and again after a loss."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.js.kv import KeyValue

from roost.host.errors import CarrierGone
from roost.host.interfaces.directory import Directory
from roost.host.memory.directory import MemoryBoard
from roost.host.nats.directory import NatsDirectory
from roost.host.nats.hub import Hub
from tests.support.nats import hub_in
from tests.support.wait import eventually

PATIENCE = 30.0


@dataclass
class Board:
    """`directory` makes a host's way to it, `away` and `back` take it away and bring it back."""

    directory: Callable[[str], Directory]
    away: Callable[[], object]
    back: Callable[[], object]


@pytest.fixture(params=["memory", "nats"])
async def board(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Board]:
    if request.param == "memory":
        memory = MemoryBoard()

        def cut() -> None:
            memory.cut |= {"mars", "venus"}

        yield Board(memory.directory, cut, memory.cut.clear)
        return
    with hub_in(tmp_path) as server:
        hubs: list[Hub] = []

        def directory(host: str) -> Directory:
            hubs.append(Hub(host, [server.url]))
            return NatsDirectory(hubs[-1])

        yield Board(directory, server.kill, server.start)
        for each in hubs:
            await each.close()


async def until(directory: Directory, wanted: dict[str, bytes]) -> dict[str, bytes]:
    """What was told until all that is wanted was; a loss begins it anew."""
    found: dict[str, bytes] = {}

    async def told() -> bool:
        try:
            async with aclosing(directory.follow()) as changes:
                async for change in changes:
                    found.update(change)
                    if wanted.items() <= found.items():
                        return True
        except CarrierGone:
            pass
        return False

    await eventually(told, timeout=PATIENCE, why=f"{wanted} was told of")
    return found


async def test_what_is_there_is_told_first_and_then_what_changes(board: Board) -> None:
    mars, venus = board.directory("mars"), board.directory("venus")
    await mars.put("host.mars", b"1")
    async with aclosing(venus.follow()) as changes:
        assert await anext(changes) == {"host.mars": b"1"}
        await venus.put("host.venus", b"a")
        await mars.put("host.mars", b"2")
        found: dict[str, bytes] = {}
        while found != {"host.mars": b"2", "host.venus": b"a"}:
            found.update(await anext(changes))


async def test_an_empty_one_says_so(board: Board) -> None:
    async with aclosing(board.directory("mars").follow()) as changes:
        assert await anext(changes) == {}


async def test_after_a_loss_all_of_it_is_told_again(board: Board) -> None:
    mars, venus = board.directory("mars"), board.directory("venus")
    await mars.put("host.mars", b"1")
    await until(venus, {"host.mars": b"1"})
    board.away()
    with pytest.raises(CarrierGone):
        await mars.put("host.mars", b"lost, or not")
    board.back()

    async def put() -> bool:
        try:
            await mars.put("host.mars", b"2")
        except CarrierGone:
            return False
        return True

    await eventually(put, timeout=PATIENCE, why="the directory takes values again")
    assert await until(venus, {"host.mars": b"2"}) == {"host.mars": b"2"}


async def test_a_value_is_swapped_for_the_one_that_is_expected_alone(board: Board) -> None:
    mars, venus = board.directory("mars"), board.directory("venus")
    assert await mars.read("owner.a") is None
    assert not await venus.swap("owner.a", b"venus", b"mars")
    assert await mars.swap("owner.a", b"mars", None)
    assert not await venus.swap("owner.a", b"venus", None)
    assert await venus.read("owner.a") == b"mars"
    assert await venus.swap("owner.a", b"venus", b"mars")
    assert not await mars.swap("owner.a", b"pluto", b"mars")
    assert await mars.read("owner.a") == b"venus"


async def test_of_several_that_swap_at_one_moment_one_does(board: Board) -> None:
    ways = [board.directory(f"host{number}") for number in range(6)]
    done = await asyncio.gather(*(way.swap("owner.a", bytes([n]), None) for n, way in enumerate(ways)))
    assert sorted(done) == [False] * 5 + [True]
    assert await ways[0].read("owner.a") == bytes([done.index(True)])


async def test_nothing_is_read_or_swapped_without_the_hub(board: Board) -> None:
    mars = board.directory("mars")
    await mars.put("owner.a", b"mars")
    board.away()
    with pytest.raises(CarrierGone):
        await mars.read("owner.a")
    with pytest.raises(CarrierGone):
        await mars.swap("owner.a", b"venus", b"mars")


@pytest.fixture
async def mars_and_venus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Hub, Hub]]:
    """Two hosts on a real hub; whether something was missed is looked at all the time."""
    monkeypatch.setattr("roost.host.nats.directory.SYNC", 0.05)
    with hub_in(tmp_path) as server:
        hubs = Hub("mars", [server.url]), Hub("venus", [server.url])
        yield hubs
        for each in hubs:
            await each.close()


async def test_a_host_that_hears_much_reads_nothing_twice(mars_and_venus: tuple[Hub, Hub]) -> None:
    """What is on its way to it is not taken for missed."""
    mars, venus = (NatsDirectory(hub) for hub in mars_and_venus)
    await mars.put("cert.mars", b"once")
    told = 0
    async with aclosing(venus.follow()) as changes:
        assert await anext(changes) == {"cert.mars": b"once"}
        for number in range(20):
            last = f"{number}".encode()
            await asyncio.gather(*(mars.put("host.mars", b"-") for _ in range(9)))
            await mars.put("host.mars", last)
            found = b""
            while found != last:
                change = await anext(changes)
                found = change.get("host.mars", b"")
                told += "cert.mars" in change
    assert told == 0


async def test_a_watcher_that_went_silent_is_begun_anew(
    mars_and_venus: tuple[Hub, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    mars, venus = (NatsDirectory(hub) for hub in mars_and_venus)
    watch = KeyValue.watchall
    watchers: list[KeyValue.KeyWatcher] = []

    async def noted(bucket: KeyValue) -> KeyValue.KeyWatcher:
        watchers.append(await watch(bucket))
        return watchers[-1]

    async def nothing(_entry: object) -> None:
        pass

    monkeypatch.setattr(KeyValue, "watchall", noted)
    await mars.put("host.mars", b"1")
    async with aclosing(venus.follow()) as changes:
        assert await anext(changes) == {"host.mars": b"1"}
        monkeypatch.setattr(watchers[0]._updates, "put", nothing)
        await mars.put("host.mars", b"2")
        async with asyncio.timeout(PATIENCE):
            while await anext(changes) != {"host.mars": b"2"}:
                pass
