"""What is shown here of other hosts, on twins: as they told it, and for how long they have been silent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
import pytest

from roost.core.vocabulary.view import iso
from roost.daemon.hosts.addresses import Addresses
from roost.daemon.hosts.keyring import Certificate, certify
from roost.daemon.hosts.members import BEAT, SILENT
from roost.daemon.hosts.packed import pack
from roost.daemon.hosts.rows import Row
from roost.daemon.hosts.views import Views
from roost.daemon.serve.api.changes import AGAIN, Changes
from roost.daemon.serve.api.peers import Peers
from roost.errors import NotFoundError, RefusedError, UsageError
from roost.host.memory.carrier import MemoryHub
from roost.host.memory.clock import VirtualClock
from roost.host.memory.directory import MemoryBoard
from roost.host.seal import sealing_pair
from tests.support.two_hosts import AUTHORITY, PATIENCE, Host
from tests.support.wait import eventually


@dataclass
class Fleet:
    """mars with alice and carol, venus with bob and carol; what mars says has changed."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    board: MemoryBoard = field(default_factory=MemoryBoard)
    changed: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        hub = MemoryHub()
        self.mars = Host("mars", hub, self.clock, self.board)
        self.venus = Host("venus", hub, self.clock, self.board)

    @property
    def views(self) -> Views:
        return Views(self.mars.hosts.members)

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.mars.fleet, self.mars.hosts)

    async def known(self) -> None:
        """Wait until mars has heard of venus, and lets whoever asks know."""
        self.mars.hosts.members.on_changed.append(self.changed.append)

        async def heard() -> bool:
            await self.clock.advance(BEAT)
            return self.views.silent("venus") is None and bool(self.views.rows())

        await eventually(heard, timeout=PATIENCE, why="mars has heard of venus")

    async def put(self, kind: str, host: str, value: object) -> None:
        """What some host tells the fleet."""
        told = msgspec.json.encode(value)
        await self.board.directory(host).put(f"{kind}.{host}", pack(told) if kind == "peers" else told)


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    made = Fleet()
    await made.mars.start("alice", "carol")
    await made.venus.start("bob", "carol")
    yield made
    await made.mars.stop()
    await made.venus.stop()


async def test_rows_of_another_host_are_as_it_tells_them(fleet: Fleet) -> None:
    await fleet.known()
    assert [(row["name"], row["state"], row["host"]) for row in fleet.views.rows()] == [
        ("bob@venus", "asleep", "venus"),
        ("carol@venus", "asleep", "venus"),
    ]
    assert fleet.views.hosts() == [{"host": "venus", "reached": True, "silent_since": None, "why": None}]


async def test_the_next_step_that_a_row_names_is_taken_where_its_peer_lives(fleet: Fleet) -> None:
    await fleet.known()
    why = "parked; `roost start carol` unparks it"
    await fleet.put("peers", "venus", [Row("carol", "stopped", why, 0.0, "demo")])

    def parked() -> bool:
        return fleet.views.row("carol@venus")["why"] == "parked; `roost start carol@venus` unparks it"

    await eventually(parked, timeout=PATIENCE, why="it is told with its address")


async def test_H5_a_host_that_is_silent_is_unreachable_since_then_and_its_rows_are_unknown(
    fleet: Fleet,
) -> None:
    await fleet.known()
    fleet.board.cut.add("venus")
    await fleet.board.tell()
    before = fleet.clock.now()
    fleet.changed.clear()
    for _ in range(int(SILENT / BEAT) + 2):
        await fleet.clock.advance(BEAT)
    await eventually(lambda: "venus" in fleet.changed, timeout=PATIENCE, why="whoever follows is told")
    (host,) = fleet.views.hosts()
    assert (host["reached"], host["silent_since"] <= iso(before)) == (False, True)
    row = fleet.views.row("bob@venus")
    assert row["state"] == "unknown"
    assert row["why"] == f"'venus' is unreachable since {host['silent_since']}; it told last: asleep, "
    assert row["since"] == host["silent_since"]
    assert fleet.views.news() == [f"{host['why']}; its peers are shown as it told them last"]
    fleet.board.cut.clear()
    fleet.changed.clear()
    await fleet.known()
    assert "venus" in fleet.changed
    assert fleet.views.row("bob@venus")["state"] == "asleep"


async def test_H5_what_stood_there_before_is_no_sign_of_life(fleet: Fleet) -> None:
    await fleet.known()
    await fleet.venus.stop()
    await fleet.mars.restart()
    await eventually(
        lambda: bool(fleet.views.rows()), timeout=PATIENCE, why="mars has read what stands there"
    )
    row = fleet.views.row("bob@venus")
    assert (row["state"], row["since"]) == ("unknown", None)
    assert row["why"].startswith(
        "'venus' has not been heard of since this daemon started; it told last: asleep"
    )
    await fleet.venus.start()
    await fleet.known()


async def test_a_peer_that_its_host_does_not_tell_of_is_unknown(fleet: Fleet) -> None:
    await fleet.known()
    assert fleet.views.row("eve@venus")["why"] == "'venus' tells of no such peer"
    assert fleet.views.row("eve@pluto")["why"].startswith("'pluto' is no host of this fleet")


async def test_a_host_that_is_no_member_any_more_is_not_shown(fleet: Fleet) -> None:
    await fleet.known()
    gone = certify(Certificate("venus", "", "", 2, revoked=True), AUTHORITY.private)
    fleet.changed.clear()
    await fleet.board.directory("mars").put("cert.venus", gone)
    await eventually(lambda: "venus" in fleet.changed, timeout=PATIENCE, why="whoever follows is told")
    assert (fleet.views.rows(), fleet.views.hosts()) == ([], [])


async def test_a_bare_name_is_of_this_host_first_and_then_of_the_only_other_that_has_it(fleet: Fleet) -> None:
    await fleet.known()
    named = fleet.addresses.named
    assert [named(each) for each in ("carol", "bob", "carol@venus", "alice@mars", "nobody")] == [
        "carol",
        "bob@venus",
        "carol@venus",
        "alice",
        "nobody",
    ]
    pluto = Certificate("pluto", sealing_pair().public.hex(), "", 1)
    await fleet.board.directory("mars").put("cert.pluto", certify(pluto, AUTHORITY.private))
    await fleet.put("peers", "pluto", [Row("bob", "asleep", "", 0.0, "human")])
    await eventually(lambda: "pluto" in fleet.changed, timeout=PATIENCE, why="mars knows pluto")
    with pytest.raises(RefusedError, match="name one of bob@pluto, bob@venus"):
        named("bob")
    with pytest.raises(NotFoundError, match="did you mean 'venus'"):
        named("bob@venuz")
    with pytest.raises(UsageError, match="is no address"):
        named("bob@")


async def test_history_of_a_host_that_left_is_found_and_nothing_is_sent_there(fleet: Fleet) -> None:
    await fleet.known()
    await fleet.addresses.recipient("bob@venus")
    fleet.mars.hosts.members.ring.learn(
        certify(Certificate("venus", "", "", 2, revoked=True), AUTHORITY.private)
    )
    assert fleet.addresses.named("bob@venus") == "bob@venus"
    with pytest.raises(NotFoundError, match="there is no host 'venus'"):
        await fleet.addresses.recipient("bob@venus")


async def test_a_host_in_no_fleet_has_no_others(fleet: Fleet) -> None:
    views, addresses = Views(None), Addresses(fleet.mars.fleet, None)
    assert (views.name, views.rows(), views.hosts(), views.news()) == (None, [], [], [])
    assert addresses.named("alice") == "alice"
    with pytest.raises(NotFoundError, match="this host is in no fleet"):
        addresses.named("bob@venus")


class OwnRows:
    """A host without peers of its own, as `Changes` asks for rows."""

    def __init__(self, views: Views) -> None:
        self.views = views

    def rows(self, _names: object = None) -> list[dict[str, Any]]:
        return []

    def everywhere(self) -> list[dict[str, Any]]:
        return self.views.rows()


async def test_whoever_follows_hears_of_other_hosts_at_once(fleet: Fleet) -> None:
    await fleet.known()
    changes = Changes(fleet.mars.fleet, cast("Peers", OwnRows(fleet.views)))
    async with aclosing(changes.follow(everywhere=True)) as told:
        first = await anext(told)
        assert [row["name"] for row in first["rows"]] == ["bob@venus", "carol@venus"]
        await fleet.put("peers", "venus", [Row("bob", "working", "", 0.0, "human")])
        async with asyncio.timeout(AGAIN / 2):
            change = await anext(told)
        assert [(row["name"], row["state"]) for row in change["rows"]] == [("bob@venus", "working")]
        assert (change["gone"], "hosts" in change) == (["carol@venus"], False)
