"""What carries between hosts, real and twin: in order, at least once, and again what was not done with."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from roost.host.errors import CarrierGone
from roost.host.interfaces.carrier import Carrier
from roost.host.memory.carrier import MemoryHub
from roost.host.nats.carrier import NatsCarrier
from roost.host.nats.hub import Hub
from tests.support.nats import hub_in
from tests.support.wait import eventually

PATIENCE = 20.0


@dataclass
class Way:
    """A hub: `carrier` makes a host's way to it, `away` and `back` take it away and bring it back."""

    carrier: Callable[[str], Carrier]
    away: Callable[[], object]
    back: Callable[[], object]


@pytest.fixture(params=["memory", "nats"])
async def way(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Way]:
    if request.param == "memory":
        hub = MemoryHub()

        def cut() -> None:
            hub.cut |= {"mars", "venus"}

        yield Way(hub.carrier, cut, hub.cut.clear)
        return
    with hub_in(tmp_path) as server:
        made: list[NatsCarrier] = []

        def carrier(host: str) -> Carrier:
            made.append(NatsCarrier(host, Hub(host, [server.url])))
            return made[-1]

        yield Way(carrier, server.kill, server.start)
        for each in made:
            await each.close()


async def knows(way: Way, host: str) -> Carrier:
    """The carrier of a host that the hub knows."""
    carrier = way.carrier(host)
    await carrier.open()
    return carrier


async def test_frames_come_in_order_and_tell_their_origin(way: Way) -> None:
    venus = await knows(way, "venus")
    mars = way.carrier("mars")
    for number in range(100):
        await mars.send("venus", b"%d" % number)
    for number in range(100):
        got = await venus.receive()
        assert (got.origin, got.frame) == ("mars", b"%d" % number)
        await got.done()


async def test_a_frame_of_a_mebibyte_arrives_whole(way: Way) -> None:
    venus = await knows(way, "venus")
    body = bytes(range(256)) * 4096 + b"end"
    await way.carrier("mars").send("venus", body)
    assert (await venus.receive()).frame == body


async def test_what_was_not_done_with_comes_again_to_the_next_daemon(way: Way) -> None:
    venus = await knows(way, "venus")
    await way.carrier("mars").send("venus", b"once")
    assert (await venus.receive()).frame == b"once"
    await venus.close()
    again = way.carrier("venus")
    got = await again.receive()
    assert got.frame == b"once"
    await got.done()


async def test_a_hub_that_is_away_is_told_and_is_used_again_when_it_is_back(way: Way) -> None:
    venus = await knows(way, "venus")
    mars = way.carrier("mars")
    await mars.send("venus", b"before")
    way.away()

    async def sent(frame: bytes) -> bool:
        try:
            await mars.send("venus", frame)
        except CarrierGone:
            return False
        return True

    assert not await sent(b"lost, or not")
    way.back()

    async def gone_over() -> bool:
        return await sent(b"after")

    await eventually(gone_over, timeout=PATIENCE, why="the hub takes frames again")
    found: list[bytes] = []
    while b"after" not in found:
        try:
            got = await venus.receive()
        except CarrierGone:
            continue
        found.append(got.frame)
        await got.done()
    assert found[0] == b"before"


async def test_a_hub_with_little_room_has_some_for_many_hosts(tmp_path: Path) -> None:
    """nats-server sets aside what each host may have kept: it is the first to be used up."""
    with hub_in(tmp_path, jetstream=", max_file_store: 1GB") as server:
        carriers = [NatsCarrier(name, Hub(name, [server.url])) for name in (f"host{n}" for n in range(50))]
        await asyncio.gather(*(carrier.open() for carrier in carriers))
        await asyncio.gather(*(carrier.close() for carrier in carriers))


async def test_a_wait_for_frames_that_runs_out_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """nats-py 2.16: a fetch whose time is up between two requests raises asyncio's TimeoutError."""
    fetch = JetStreamContext.PullSubscription.fetch
    raised: list[TimeoutError] = [TimeoutError()]

    async def late(self: JetStreamContext.PullSubscription, batch: int, timeout: float) -> list[Msg]:
        if raised:
            raise raised.pop()
        return await fetch(self, batch, timeout)

    monkeypatch.setattr(JetStreamContext.PullSubscription, "fetch", late)
    with hub_in(tmp_path) as server:
        mars, venus = (NatsCarrier(name, Hub(name, [server.url])) for name in ("mars", "venus"))
        await venus.open()
        await mars.send("venus", b"frame")
        assert (await venus.receive()).frame == b"frame"
        assert not raised
        await mars.close()
        await venus.close()
