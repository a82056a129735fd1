"""What waits for another host and does not arrive is told, until that host itself has answered."""

from collections.abc import AsyncIterator

import pytest

from roost.core.vocabulary.view import iso
from roost.daemon.health.checks.links import LinksCheck
from roost.daemon.hosts.link import SILENCE, SILENCE_MOST
from roost.daemon.hosts.members import BEAT, SILENT
from roost.daemon.hosts.views import Views
from roost.host.errors import CarrierRefused
from roost.host.memory.carrier import MemoryHub
from roost.host.memory.clock import VirtualClock
from roost.host.memory.directory import MemoryBoard
from roost.present.objects import message_object
from tests.support.two_hosts import PATIENCE, Host
from tests.support.wait import eventually


class World:
    """mars with alice, venus with bob; each has heard of the other."""

    def __init__(self) -> None:
        self.hub, self.clock = MemoryHub(), VirtualClock()
        board = MemoryBoard()
        self.mars, self.venus = (Host(name, self.hub, self.clock, board) for name in ("mars", "venus"))

    def trouble(self) -> str:
        return self.mars.hosts.trouble("venus")

    async def runs(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            await self.clock.advance(1.0)

    async def why(self, message_id: str) -> str:
        """Why a message of mars waits, as it is shown there."""
        views = Views(self.mars.hosts.members, self.mars.hosts.trouble)
        return str(views.message(message_object((await self.mars.story(message_id)).message))["why"])


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.mars.start("alice")
    await made.venus.start("bob")

    async def heard() -> bool:
        await made.clock.advance(BEAT)
        return made.mars.hosts.members.silent_since("venus") is None

    await eventually(heard, timeout=PATIENCE, why="mars has heard of venus")
    yield made
    await made.mars.stop()
    await made.venus.stop()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the log has of venus."""
    return [each.removeprefix("the host venus: ") for each in caplog.messages if "the host venus" in each]


async def test_what_the_hub_does_not_take_is_told_until_the_other_host_has_answered(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.hub.full.add("venus")
    since = iso(world.clock.now())
    sent = await world.mars.send("alice", "bob@venus")
    await eventually(world.trouble, timeout=PATIENCE, why="the hub refuses")
    await world.runs(SILENCE)
    why = f"{CarrierRefused().message} (since {since})"
    assert world.mars.hosts.troubles() == {"venus": why}
    assert await world.why(sent) == f"on its way to venus: {why}"
    world.hub.full.clear()
    world.hub.lose = 1000  # the hub takes it, and nobody gets it yet
    caplog.clear()

    async def taken() -> bool:
        await world.clock.advance(1.0)
        return not world.trouble()

    await eventually(taken, timeout=PATIENCE, why="the hub takes it")
    assert told(caplog) == ["the hub takes what is for it again"]
    world.hub.lose = 0
    await world.runs(SILENCE + 1)
    assert await world.venus.mail("bob", 1) == ["alice@mars: look"]
    await world.mars.ends(sent, "done")
    assert told(caplog)[1:] == ["is reached again"]


async def test_a_hub_that_takes_and_gives_nothing_out_is_told_where_the_other_host_lives(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.hub.lose = 1000
    sent = await world.mars.send("alice", "bob@venus")
    await world.runs(40)
    trouble = world.trouble()
    assert "'venus' gives signs of life, and has not said since" in trouble
    assert told(caplog) == [trouble]
    assert await world.why(sent) == f"on its way to venus: {trouble}"
    (finding,) = await LinksCheck(world.mars.hosts.troubles).findings()
    assert (finding["code"], finding["ok"]) == ("link-fails", False)
    assert trouble in finding["detail"]
    world.hub.lose = 0
    await world.runs(SILENCE_MOST)
    assert await world.venus.mail("bob", 1) == ["alice@mars: look"]
    await world.mars.ends(sent, "done")
    assert not world.mars.hosts.troubles()
    assert told(caplog)[1:] == ["is reached again"]


async def test_that_a_host_is_away_is_no_trouble_of_the_hub(world: World) -> None:
    await world.venus.stop()
    await world.mars.send("alice", "bob@venus")
    for _ in range(round(4 * SILENT)):
        await world.clock.advance(1.0)
        assert not world.trouble()
    await world.venus.start()
