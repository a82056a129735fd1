"""What a host says of itself to all others, and what it knows of them, in fleets of every size."""

import logging
from collections.abc import AsyncIterator

import msgspec
import pytest

from roost.daemon.hosts.keyring import Certificate, certify
from roost.daemon.hosts.members import BEAT, CALM, SILENT, Row
from roost.daemon.hosts.pace import BYTES, WORDS, pace
from roost.daemon.hosts.packed import MOST, pack, unpack
from roost.host.memory.carrier import MemoryHub
from roost.host.memory.clock import VirtualClock
from roost.host.memory.directory import MemoryBoard, MemoryDirectory
from roost.host.seal import signing_pair
from tests.support.two_hosts import AUTHORITY, Host
from tests.support.wait import eventually

PATIENCE = 10.0


class Directory(MemoryDirectory):
    """Notes what is said."""

    said: list[str]

    async def put(self, key: str, value: bytes) -> None:
        self.said.append(key)
        await super().put(key, value)


class Board(MemoryBoard):
    """Notes what is said by all."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def directory(self, host: str) -> MemoryDirectory:
        made = Directory(self, host)
        made.said = self.said
        return made


class World:
    """mars and venus, and others that only have certificates or were only told of."""

    def __init__(self) -> None:
        self.clock, self.board, hub = VirtualClock(), Board(), MemoryHub()
        self.mars = Host("mars", hub, self.clock, self.board)
        self.venus = Host("venus", hub, self.clock, self.board)

    def join(self, count: int) -> None:
        """So many others join."""
        for number in range(count):
            certificate = Certificate(f"host{number}", "00" * 32, "", 1)
            signed = certify(certificate, AUTHORITY.private)
            for host in (self.mars, self.venus):
                host.hosts.members.ring.learn(signed)

    async def said(self, key: str, seconds: int) -> int:
        """How often that is said in the next seconds."""
        before = self.board.said.count(key)
        for _ in range(seconds):
            await self.clock.advance(1.0)
        return self.board.said.count(key) - before

    async def peers(self, host: str, *names: str) -> None:
        """Another host tells of these peers, and mars knows it."""
        rows = tuple(Row(name, "idle", "", 0.0, "demo") for name in names)
        await self.board.directory(host).put(f"peers.{host}", pack(msgspec.json.encode(rows)))
        members = self.mars.hosts.members
        await eventually(lambda: members.peers(host) == rows, timeout=PATIENCE, why=f"mars knows {host}")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    await made.mars.start("alice")
    await made.venus.start("bob")
    yield made
    await made.mars.stop()
    await made.venus.stop()


@pytest.mark.parametrize("members", [2, 100, 1000, 100_000])
@pytest.mark.parametrize("size", [50, 20_000])
def test_what_a_host_hears_of_all_others_is_bounded_whatever_their_number(members: int, size: int) -> None:
    seconds = pace(BEAT, members, size)
    assert (members - 1) / seconds <= WORDS
    assert (members - 1) * size / seconds <= BYTES


def test_a_small_fleet_is_told_as_often_as_ever() -> None:
    assert pace(BEAT, 100) == BEAT
    assert pace(CALM, 20, 3000) == CALM


async def test_signs_of_life_come_seldomer_in_a_great_fleet(world: World) -> None:
    assert await world.said("host.mars", 60) == 60 / BEAT
    world.join(798)
    await world.said("host.mars", 6)  # the sign that is due
    assert await world.said("host.mars", 200) == 200 / (800 / WORDS)


async def test_a_defect_in_what_is_told_keeps_back_nothing_after_it(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(_peer: str, _owner: bytes) -> None:
        raise ZeroDivisionError

    world.mars.hosts.members.on_owner = fails
    with caplog.at_level(logging.ERROR):
        await world.board.directory("venus").put("owner.x", b"whose")
        await eventually(lambda: "owner.x is not taken" in caplog.text, timeout=PATIENCE, why="it failed")
    await world.peers("venus", "bob", "late")


async def test_a_defect_in_what_is_told_of_this_host_ends_no_sign_of_life(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    def fails() -> list[Row]:
        raise ZeroDivisionError

    world.mars.state = "idle"  # so that there is something to tell
    world.mars.hosts.members._rows = fails
    with caplog.at_level(logging.ERROR):
        await world.said("host.mars", int(2 * BEAT))
    assert "begun again after a defect" in caplog.text
    world.mars.hosts.members._rows = world.mars._rows
    assert await world.said("peers.mars", int(BEAT)) == 1


def signed(serial: int, *, revoked: bool = False) -> bytes:
    return certify(Certificate("pluto", "00" * 32, "", serial, revoked), AUTHORITY.private)


async def test_a_hub_that_knows_less_is_told_who_was_revoked(world: World) -> None:
    mars, venus = world.mars.hosts.members.ring, world.venus.hosts.members.ring
    venus.learn(signed(3, revoked=True))
    await world.board.directory("mars").put("cert.pluto", signed(1))
    await world.said("revoked.venus", int(2 * BEAT))
    assert mars.signed["pluto"] == venus.signed["pluto"] == signed(3, revoked=True)
    await world.board.directory("mars").put("cert.pluto", signed(3, revoked=True))
    assert await world.said("revoked.venus", int(4 * BEAT)) == 0


async def test_nobody_is_let_in_by_the_word_of_another_host(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    forged = certify(Certificate("mars", "00" * 32, "", 9, revoked=True), signing_pair().private)
    told = msgspec.json.encode([signed(1), forged, b""])
    with caplog.at_level(logging.ERROR):
        await world.board.directory("venus").put("revoked.venus", told)
        await eventually(lambda: "not signed by whom" in caplog.text, timeout=PATIENCE, why="it is refused")
    assert world.mars.hosts.members.hosts() == ["venus"]
    assert world.mars.hosts.members.ring.certificate("pluto") is None


async def test_a_host_counts_as_silent_by_the_pace_that_it_tells(world: World) -> None:
    """H5: it says itself when its next sign comes, and who waits for it knows that."""
    members = world.mars.hosts.members
    world.join(798)
    await world.said("host.venus", 100)
    assert members.silent_since("venus") is None
    await world.venus.stop()
    every = 800 / WORDS
    assert every > SILENT
    await world.said("host.venus", int((SILENT / BEAT - 1) * every) - 1)
    assert members.silent_since("venus") is None
    await world.said("host.venus", int(every) + 2)
    assert members.silent_since("venus") is not None


async def test_changes_of_peers_are_told_together_in_a_great_fleet(world: World) -> None:
    world.join(398)
    await world.said("peers.mars", 60)

    told = 0
    for number in range(100):
        world.mars.state = f"state {number}"
        await world.mars.send("alice", "alice", str(number))
        told += await world.said("peers.mars", 1)
    assert told == 100 / (400 / WORDS)


async def test_a_bare_name_is_found_by_the_host_that_has_it_now(world: World) -> None:
    members = world.mars.hosts.members
    world.join(3)
    await world.peers("host0", "reviewer", "writer")
    await world.peers("host1", "reviewer")
    assert members.with_peer("reviewer") == ["host0", "host1"]
    assert members.with_peer("writer") == ["host0"]
    await world.peers("host0", "tester")
    assert members.with_peer("reviewer") == ["host1"]
    assert members.with_peer("writer") == []
    revoked = certify(Certificate("host1", "00" * 32, "", 2, revoked=True), AUTHORITY.private)
    members.ring.learn(revoked)
    assert members.with_peer("reviewer") == []
    assert not members.has("host1")
    assert members.has("host0")
    assert not members.has("mars")


def test_rows_of_peers_take_a_fifth_of_their_bytes() -> None:
    rows = [Row(f"agent-{number}", "idle", "", 1e9 + number * 7.7, "claude") for number in range(100)]
    whole = msgspec.json.encode(rows)
    assert len(pack(whole)) < len(whole) / 5
    assert unpack(pack(whole)) == whole


@pytest.mark.parametrize(
    "value",
    [b"", b"[]", pack(b"x" * 100)[:-1], pack(b"0" * (MOST + 1)), pack(b'[{"x":' + b"[" * 100_000)],
    ids=["none", "plain", "cut", "much", "deep"],
)
async def test_what_cannot_be_unpacked_is_passed_over(world: World, value: bytes) -> None:
    world.join(1)
    await world.peers("host0", "reviewer")
    await world.board.directory("host0").put("peers.host0", value)
    await world.peers("host1", "writer")
    assert world.mars.hosts.members.with_peer("reviewer") == ["host0"]
