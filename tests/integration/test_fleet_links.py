"""Connections to a real hub that break in ways of which nobody tells, and a hub that takes nothing."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from roost.host.errors import CarrierGone
from roost.host.nats import carrier as carriers
from roost.host.nats import hub as hubs
from roost.host.nats.carrier import NatsCarrier
from roost.host.nats.hub import Hub
from roost.host.nats.streams import make_stream
from roost.host.nats.subjects import host_inbox, of_host
from tests.support.nats import hub_in
from tests.support.proxy import Way
from tests.support.small_disk import fill, small_disk
from tests.support.wait import eventually

PATIENCE = 25.0
_ANSWER = 1.0


class Two:
    """mars, whose way to the hub can be disturbed, and venus."""

    def __init__(self, way: Way, port: int, url: str) -> None:
        self.way = way
        self.mars = NatsCarrier("mars", Hub("mars", [f"nats://127.0.0.1:{port}"]))
        self.venus = NatsCarrier("venus", Hub("venus", [url]))

    async def sends(self, frame: bytes) -> None:
        """Send from mars to venus, again until the hub has taken it."""

        async def sent() -> bool:
            return await sends(self.mars, "venus", frame)

        await eventually(sent, timeout=PATIENCE, why="the hub takes it")

    async def close(self) -> None:
        await self.mars.close()
        await self.venus.close()
        await self.way.close()


async def sends(carrier: NatsCarrier, host: str, frame: bytes) -> bool:
    """Whether the hub takes a frame."""
    try:
        await carrier.send(host, frame)
    except CarrierGone:
        return False
    return True


async def comes(carrier: NatsCarrier, wanted: set[bytes]) -> None:
    """Take frames until all of these have come."""
    async with asyncio.timeout(PATIENCE):
        while wanted:
            try:
                got = await carrier.receive()
            except CarrierGone:
                continue
            wanted.discard(got.frame)
            await got.done()


@pytest.fixture
async def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Two]:
    """Both are known to the hub, and mars is connected."""
    monkeypatch.setattr(carriers, "ANSWER", _ANSWER)
    monkeypatch.setattr(hubs, "PROBE", _ANSWER)
    with hub_in(tmp_path, 'write_deadline: "1s"\nmax_pending: 9MB\n') as server:
        way = Way("127.0.0.1", server.port)
        made = Two(way, await way.open(), server.url)
        await made.mars.open()
        await made.venus.open()
        yield made
        await made.close()


async def test_a_half_open_connection_is_given_up_for_a_new_one(two: Two) -> None:
    """nats-py 2.16 alone finds out by its third ping, after 30 s."""
    await two.sends(b"before")
    two.way.strand()
    await two.sends(b"after")
    await comes(two.venus, {b"before", b"after"})


async def test_a_host_whom_the_hub_turns_out_comes_back(two: Two) -> None:
    """nats-py 2.16 closes its connection for good when the hub tells it of an error."""
    await two.sends(b"before")
    two.way.say("-ERR 'Slow Consumer'\r\n")
    await two.sends(b"after")
    await comes(two.venus, {b"before", b"after"})
    assert await sends(two.venus, "mars", b"back")
    await comes(two.mars, {b"back"})


async def test_a_host_that_reads_too_slowly_is_turned_out_by_the_hub_and_gets_everything(two: Two) -> None:
    two.way.stall("back")
    frames = {b"%d" % number + b"x" * 500_000 for number in range(24)}
    for frame in frames:
        assert await sends(two.venus, "mars", frame)
    assert not await sends(two.mars, "venus", b"unheard")
    two.way.flow()
    await comes(two.mars, frames)


async def test_a_frame_that_was_dealt_with_late_came_twice_and_comes_no_third_time(two: Two) -> None:
    await two.sends(b"once")
    first = await two.venus.receive()
    again = await two.venus.receive()
    assert again.frame == first.frame == b"once"
    await first.done()
    await again.done()
    await two.sends(b"next")
    assert (await two.venus.receive()).frame == b"next"


async def test_a_hub_whose_disk_is_full_refuses_and_takes_again_once_there_is_room(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk, "32m"):
        store = f"store_dir: {json.dumps(str(disk))}, sync_interval: always, max_file_store: 4GB"
        with hub_in(tmp_path, f"jetstream {{ {store} }}\n") as server:
            mars, venus = (NatsCarrier(name, Hub(name, [server.url])) for name in ("mars", "venus"))
            await venus.open()
            assert await sends(mars, "venus", b"before")
            fill(disk / "full")

            async def refused() -> bool:
                return not await sends(mars, "venus", b"x" * 100_000)

            await eventually(refused, timeout=PATIENCE, why="the hub takes no more")
            (disk / "full").unlink()
            server.kill()
            server.start()

            async def taken() -> bool:
                return await sends(mars, "venus", b"after")

            await eventually(taken, timeout=PATIENCE, why="the hub takes it again")
            await comes(venus, {b"before", b"after"})
            await mars.close()
            await venus.close()


def _as_host(host: str) -> str:
    """A user of a hub who may do what a registrar lets a host do."""
    publish, subscribe = (f"{{ allow: {json.dumps(subjects)} }}" for subjects in of_host(host))
    return f"{{ user: {host}, password: x, permissions: {{ publish: {publish}, subscribe: {subscribe} }} }}"


def _of_host(host: str, url: str) -> Hub:
    options: dict[str, Any] = {"user": host, "password": "x", "inbox_prefix": host_inbox(host)}
    return Hub(host, [url], provides=False, **options)


async def test_a_hub_that_cannot_give_out_what_it_keeps_since_its_disk_was_full_is_cured_by_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nats-server 2.10.27 acknowledges what comes to a stream that was empty then, and loses it."""
    monkeypatch.setattr(carriers, "ANSWER", _ANSWER)
    monkeypatch.setattr(carriers, "LOOK", _ANSWER)
    disk = tmp_path / "disk"
    with small_disk(disk, "32m"):
        store = f"store_dir: {json.dumps(str(disk))}, sync_interval: always, max_file_store: 4GB"
        users = f"authorization {{ users: [ {{ user: mars, password: x }}, {_as_host('venus')} ] }}\n"
        with hub_in(tmp_path, f"jetstream {{ {store} }}\n{users}") as server:
            hub = Hub("mars", [server.url], user="mars", password="x")
            mars, venus = NatsCarrier("mars", hub), NatsCarrier("venus", _of_host("venus", server.url))
            await make_stream(await hub.stream(), "venus")
            await venus.open()
            before = {b"before %d" % number for number in range(1000)}
            for frame in before:
                assert await sends(mars, "venus", frame)
            await comes(venus, before.copy())
            fill(disk / "full")
            big, number = b"x" * 100_000, 0
            while await sends(mars, "venus", big):  # it has let go of something just now
                await comes(venus, {big})
                fill(disk / f"full{(number := number + 1)}")
            for full in disk.glob("full*"):
                full.unlink()
            got = asyncio.create_task(comes(venus, {b"after"}))

            async def came() -> bool:
                assert await sends(mars, "venus", b"after")  # again and again, as a link does
                return got.done()

            await eventually(came, timeout=PATIENCE, why="the hub gives it out again")
            await got
            server.kill()
            server.start()

            async def taken() -> bool:
                return await sends(mars, "venus", b"last")

            await eventually(taken, timeout=PATIENCE, why="the hub takes it")
            await comes(venus, {b"last"})
            await mars.close()
            await venus.close()


async def test_a_hub_that_has_forgotten_how_far_a_stream_was_gives_out_what_comes(
    tmp_path: Path,
) -> None:
    """nats-server 2.10.27 does so, killed at the wrong moment, to a stream that is empty."""
    with hub_in(tmp_path) as server:
        mars, venus = (NatsCarrier(name, Hub(name, [server.url])) for name in ("mars", "venus"))
        await venus.open()
        frames = {b"%d" % number for number in range(20)}
        for frame in frames:
            assert await sends(mars, "venus", frame)
        await comes(venus, frames)
        server.kill()
        shutil.rmtree(tmp_path / "jetstream/$G/streams/ROOST_VENUS/msgs")
        server.start()

        async def taken() -> bool:
            return await sends(mars, "venus", b"after")

        await eventually(taken, timeout=PATIENCE, why="the hub takes it")
        await comes(venus, {b"after"})
        await mars.close()
        await venus.close()
