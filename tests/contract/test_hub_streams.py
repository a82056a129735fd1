"""What the hub keeps for hosts is made, made again, and changed where a version of roost has it otherwise."""

from contextlib import suppress
from pathlib import Path

import pytest

from roost.host.errors import CarrierRefused
from roost.host.nats import streams
from roost.host.nats.carrier import NatsCarrier
from roost.host.nats.hub import Hub
from roost.host.nats.streams import drop_host, make_bucket, make_consumer, make_stream
from roost.host.nats.subjects import stream_of
from tests.support.nats import hub_in
from tests.support.wait import eventually

PATIENCE = 30.0


async def test_streams_are_made_made_again_changed_and_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with hub_in(tmp_path) as server:
        hub = Hub("registrar", [server.url])
        stream = await hub.stream()
        for _ in range(2):
            await make_stream(stream, "mars")
            await make_consumer(stream, "mars")
        monkeypatch.setattr(streams, "BYTES", 1024 * 1024)
        await make_stream(stream, "mars")
        assert (await stream.stream_info(stream_of("mars"))).config.max_bytes == 1024 * 1024
        bucket = await make_bucket(stream)
        await bucket.put("host.mars", b"1")
        for _ in range(2):
            await drop_host(stream, "mars")
        assert [info.config.name for info in await stream.streams_info()] == ["KV_ROOST_FLEET"]
        await hub.close()


async def test_a_hub_that_keeps_no_more_for_a_host_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "BYTES", 64 * 1024)
    with hub_in(tmp_path) as server:
        mars, venus = (NatsCarrier(name, Hub(name, [server.url])) for name in ("mars", "venus"))
        await venus.open()
        await mars.send("venus", b"x" * 40_000)
        for host in ("venus", "nobody"):
            with pytest.raises(CarrierRefused):
                await mars.send(host, b"x" * 40_000)
        await (await venus.receive()).done()

        async def takes() -> bool:
            with suppress(CarrierRefused):
                await mars.send("venus", b"x" * 40_000)
                return True
            return False

        await eventually(takes, timeout=PATIENCE, why="the hub has let go of what was taken")
        await mars.close()
        await venus.close()
