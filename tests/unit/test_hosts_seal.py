"""A frame is taken from the host that sealed it alone: not altered, not by another, not by one revoked."""

import pytest

from roost.daemon.hosts.keyring import Certificate, Keyring, certify
from roost.daemon.hosts.sealed import SealedCarrier
from roost.host.errors import CarrierGone, ForgedError
from roost.host.memory.carrier import MemoryHub
from roost.host.seal import Pair, seal, sealing_pair, signing_pair


class World:
    """A fleet of mars and venus, and a stranger who can put anything on the hub."""

    def __init__(self) -> None:
        self.authority = signing_pair()
        self.hub = MemoryHub()
        self.pairs = {name: sealing_pair() for name in ("mars", "venus", "stranger")}
        self.told: list[tuple[str, str]] = []
        self.rings = {name: Keyring(self.authority.public) for name in ("mars", "venus")}
        for ring in self.rings.values():
            for name in ("mars", "venus"):
                ring.learn(self.certificate(name))

    def certificate(
        self, host: str, serial: int = 1, *, pair: Pair | None = None, revoked: bool = False
    ) -> bytes:
        key = (pair or self.pairs[host]).public.hex()
        return certify(Certificate(host, key, "U", serial, revoked), self.authority.private)

    def carrier(self, host: str) -> SealedCarrier:
        made = self.hub.carrier(host)
        return SealedCarrier(
            made, self.pairs[host].private, self.rings[host], lambda *why: self.told.append(why)
        )


@pytest.fixture
def world() -> World:
    return World()


async def test_only_the_host_that_it_is_for_can_read_it(world: World) -> None:
    await world.carrier("mars").send("venus", b"a secret")
    (_, frame) = await world.hub.first("venus")
    assert b"secret" not in frame
    got = await world.carrier("venus").receive()
    assert (got.origin, got.frame) == ("mars", b"a secret")


async def forged(world: World, frame: bytes, origin: str = "mars") -> list[tuple[str, str]]:
    """What is told of a frame that is not taken, while the next one is."""
    await world.hub.put(origin, "venus", frame)
    await world.carrier("mars").send("venus", b"after")
    assert (await world.carrier("venus").receive()).frame == b"after"
    return world.told


async def test_a_frame_that_was_altered_is_refused_aloud(world: World) -> None:
    good = seal(b"hello", world.pairs["mars"].private, world.pairs["venus"].public)
    altered = good[:-1] + bytes([good[-1] ^ 1])
    assert await forged(world, altered) == [("mars", "it was altered on its way, or sealed with another key")]


async def test_a_frame_of_a_stranger_in_the_name_of_a_member_is_refused(world: World) -> None:
    made = seal(b"hello", world.pairs["stranger"].private, world.pairs["venus"].public)
    assert [origin for origin, _ in await forged(world, made)] == ["mars"]


@pytest.mark.parametrize("frame", [b"", b"x", bytes(200)])
async def test_what_is_no_frame_is_refused(world: World, frame: bytes) -> None:
    assert len(await forged(world, frame)) == 1


async def test_a_host_that_is_no_member_is_neither_heard_nor_written_to(world: World) -> None:
    made = seal(b"hello", world.pairs["stranger"].private, world.pairs["venus"].public)
    assert await forged(world, made, "stranger") == [("stranger", "it is no member of this fleet")]
    with pytest.raises(CarrierGone, match="no host 'stranger'"):
        await world.carrier("mars").send("stranger", b"hello")


async def test_a_host_that_was_revoked_is_no_member(world: World) -> None:
    mars, venus = world.carrier("mars"), world.carrier("venus")
    await venus.send("mars", b"before")
    got = await mars.receive()
    await got.done()
    world.rings["mars"].learn(world.certificate("venus", 2, revoked=True))
    assert world.rings["mars"].hosts() == ["mars"]
    await venus.send("mars", b"stolen")
    await mars.send("mars", b"after")
    assert (await mars.receive()).frame == b"after"
    assert world.told == [("venus", "it is no member of this fleet")]


def test_a_later_serial_counts_and_an_earlier_one_brings_no_host_back(world: World) -> None:
    ring = world.rings["mars"]
    assert not ring.learn(world.certificate("venus", 1))
    assert ring.learn(world.certificate("venus", 5, revoked=True))
    assert not ring.learn(world.certificate("venus", 4))
    assert ring.key("venus") is None


def test_a_name_with_another_key_is_not_taken_without_the_authority(world: World) -> None:
    other = signing_pair()
    forged_one = certify(Certificate("venus", world.pairs["stranger"].public.hex(), "U", 9), other.private)
    with pytest.raises(ForgedError):
        world.rings["mars"].learn(forged_one)
    with pytest.raises(ForgedError):
        world.rings["mars"].learn(b"nonsense")
    assert world.rings["mars"].key("venus") == world.pairs["venus"].public
