"""The other hosts of the fleet: whose keys are whose, who was heard of lately, and which peers they have.

A host that is silent is unreachable since then, and no more is known: nobody but itself says that anything
of it has ended (H5).
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec

from roost.daemon.hosts.keyring import Keyring
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.errors import StoreError
from roost.host.errors import CarrierGone, ForgedError
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.directory import Directory
from roost.store.interfaces import Store

BEAT = 5.0
"""Seconds between two signs of life."""
SILENT = 20.0
"""Seconds without one after which a host counts as unreachable."""
CALM = 1.0
"""Seconds between two words about the peers of this host, at least."""
RETRY = 1.0
RING = "hosts:ring"
"""The store's key of the certificates, for a start without the hub."""
_log = logging.getLogger("roost.hosts")


class Sign(msgspec.Struct, frozen=True):
    """A sign of life: which run of its daemon gives it, and how many it has given."""

    run: str
    number: int


class Row(msgspec.Struct, frozen=True):
    """A peer, as its own host shows it; `since` by that host's clock (Unix seconds)."""

    name: str
    state: str
    why: str
    since: float
    runtime: str


@dataclass(slots=True)
class Member:
    """What is known of another host. `heard`: when, by this host's clocks (monotonic, Unix seconds)."""

    sign: Sign | None = None
    heard: float = 0.0
    heard_at: float | None = None
    peers: tuple[Row, ...] = ()


class Members:
    """Follows the directory of the fleet, and tells it of this host. `run` does both."""

    def __init__(
        self,
        name: str,
        run: str,
        ring: Keyring,
        directory: Directory,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        rows: Callable[[], list[Row]],
    ) -> None:
        """Be this host in this run of its daemon; `rows` tells its peers as they are shown now."""
        self.name = name
        self.ring = ring
        self.trouble = ""
        self._run = run
        self._directory = directory
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._rows = rows
        self._known: dict[str, Member] = {}
        self._changed = asyncio.Event()
        fleet.listeners.on_committed.append(self._committed)

    async def load(self) -> None:
        """Know the certificates that were known before. Raises StoreError."""
        kept = await self._store.meta(RING)
        for signed in msgspec.json.decode(kept, type=list[bytes]) if kept else ():
            self._learn("the store", signed)

    async def run(self) -> None:
        """Tell and follow for ever."""
        await asyncio.gather(self._beat(), self._tell(), self._follow())

    def hosts(self) -> list[str]:
        """The names of all other members."""
        return [host for host in self.ring.hosts() if host != self.name]

    def with_peer(self, peer: str) -> list[str]:
        """Other hosts that have a peer of that name, as far as they have told."""
        return [host for host in self.hosts() if any(row.name == peer for row in self.peers(host))]

    def peers(self, host: str) -> tuple[Row, ...]:
        """The peers of another host, as it has told them last."""
        known = self._known.get(host)
        return known.peers if known is not None else ()

    def hear(self, host: str) -> None:
        """A frame of that host came."""
        known = self._known.setdefault(host, Member())
        known.heard, known.heard_at = self._clock.monotonic(), self._clock.now()

    def silent_since(self, host: str) -> float | None:
        """Since when nothing is heard of a host (Unix seconds; 0: never was); None: it is reached."""
        known = self._known.get(host)
        if known is None or known.heard_at is None:
            return 0.0
        return None if self._clock.monotonic() - known.heard < SILENT else known.heard_at

    def _committed(self, *_: object) -> None:
        self._changed.set()

    async def _beat(self) -> None:
        number = 0
        while True:
            number += 1
            await self._put(f"host.{self.name}", Sign(self._run, number))
            await self._clock.sleep(BEAT)

    async def _tell(self) -> None:
        told: list[Row] | None = None
        while True:
            self._changed.clear()
            rows = self._rows()
            if rows != told and await self._put(f"peers.{self.name}", rows):
                told = rows
            await self._clock.sleep(CALM)
            if rows == told:
                await race(self._changed.wait(), self._clock.sleep(BEAT))

    async def _put(self, key: str, value: object) -> bool:
        try:
            await self._directory.put(key, msgspec.json.encode(value))
        except CarrierGone as gone:
            self._know(gone.message)
            return False
        self._know("")
        return True

    def _know(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            _log.warning("the fleet: %s", trouble or "the hub is reached again")

    async def _follow(self) -> None:
        while True:
            try:
                async with aclosing(self._directory.follow()) as changes:
                    async for change in changes:
                        await self._take(change)
            except CarrierGone as gone:
                self._know(gone.message)
            except StoreError as error:
                _log.warning("certificates are not stored yet: %s", error.message)
            await self._clock.sleep(RETRY)

    async def _take(self, change: Mapping[str, bytes]) -> None:
        learned = False
        for key, value in change.items():
            kind, _, host = key.partition(".")
            if kind == "cert":
                learned = self._learn(host, value) or learned
            elif host != self.name:
                self._told(kind, host, value)
        if learned:
            signed = msgspec.json.encode(list(self.ring.signed.values())).decode()
            await self._fleet.record(meta={RING: signed})

    def _learn(self, whence: str, signed: bytes) -> bool:
        try:
            return self.ring.learn(signed)
        except ForgedError as error:
            _log.error("a certificate of %s: %s", whence, error.message)
            return False

    def _told(self, kind: str, host: str, value: bytes) -> None:
        known = self._known.setdefault(host, Member())
        try:
            if kind == "host":
                sign = msgspec.json.decode(value, type=Sign)
                if sign != known.sign:  # the same one again, after a loss, is no sign of life
                    self.hear(host)
                    known.sign = sign
            elif kind == "peers":
                known.peers = msgspec.json.decode(value, type=tuple[Row, ...])
        except msgspec.MsgspecError as error:
            _log.warning("what %s tells cannot be read: %s", host, error)


def as_json(host: str, members: Members) -> dict[str, Any]:
    """A member as the commands show it."""
    since = members.silent_since(host)
    return {"host": host, "reached": since is None, "silent_since": since, "peers": len(members.peers(host))}
