"""The other hosts of the fleet: whose keys are whose, who was heard of lately, and which peers they have.

A host that is silent is unreachable since then, and no more is known: nobody but itself says that anything
of it has ended (H5).
"""

import asyncio
import difflib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec
from msgspec import Struct

from roost.daemon.hosts.keyring import Certificate, Keyring
from roost.daemon.hosts.owner import OWNER
from roost.daemon.hosts.pace import pace
from roost.daemon.hosts.packed import pack, unpack
from roost.daemon.hosts.rows import Row
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.errors import NotFoundError, StoreError
from roost.host.errors import CarrierGone, ForgedError
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.directory import Directory
from roost.store.interfaces import Store

BEAT = 5.0
"""Seconds between two signs of life, in a small fleet."""
SILENT = 20.0
"""Seconds without one after which a host counts as unreachable; longer as signs are seldomer."""
CALM = 1.0
"""Seconds between two words about the peers of this host, at least."""
REMEMBERED = 64
"""Signs of life of this host of which it is known when they were given."""
RETRY = 1.0
RING = "hosts:ring"
"""The store's key of the certificates, for a start without the hub."""
REVOKED = "revoked"
"""Begins the directory's keys of what each host knows to be revoked while the hub tells otherwise.

The hub does so whose roster was put back from a copy. Each is a certificate that the hub itself has signed.
"""
_log = logging.getLogger("roost.hosts")


class Sign(msgspec.Struct, frozen=True):
    """A sign of life: which run of its daemon gives it, and how many it has given.

    `every`: seconds until the next one.
    """

    run: str
    number: int
    every: float = BEAT


class Member(Struct):
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
        self.run_name = run
        self._number = 0
        self._given: dict[int, tuple[float, float]] = {}
        self._directory = directory
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._rows = rows
        self._known: dict[str, Member] = {}
        self.on_owner: Callable[[str, bytes], None] = lambda _peer, _owner: None
        """Told whose a peer is, as the fleet has it on record."""
        self._with: dict[str, set[str]] = {}
        self._silent: set[str] = set()
        self._outdated: set[str] = set()
        self._changed = asyncio.Event()
        self.on_changed: list[Callable[[str], None]] = []
        """Called with the name of a host of which something else is known now."""
        self.on_heard: Callable[[str], None] = lambda _host: None
        """Called with the name of a host at each sign of life of it."""
        fleet.listeners.on_committed.append(self._committed)

    async def load(self) -> None:
        """Know the certificates that were known before. Raises StoreError."""
        kept = await self._store.meta(RING)
        for signed in msgspec.json.decode(kept, type=list[bytes]) if kept else ():
            if (found := self._read("the store", signed)) is not None:
                self.ring.take(found, signed)

    async def run(self) -> None:
        """Tell and follow for ever."""
        works = (self._beat, self._tell, self._follow, self._watch)
        await asyncio.gather(*(self._lasting(work) for work in works))

    async def _lasting(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do it for ever, whatever goes wrong in it once."""
        while True:
            try:
                await work()
            except Exception as defect:  # noqa: BLE001 -- nobody else would begin it again
                _log.error("the fleet: begun again after a defect", exc_info=defect)
            await self._clock.sleep(RETRY)

    def hosts(self) -> list[str]:
        """The names of all other members."""
        return [host for host in self.ring.hosts() if host != self.name]

    def has(self, host: str) -> bool:
        """Whether another member has that name."""
        return host != self.name and self.ring.key(host) is not None

    def missing(self, host: str) -> NotFoundError:
        """Return what tells that no other member has that name, with the nearest that one has."""
        close = difflib.get_close_matches(host, self.hosts(), n=1)
        hint = f"did you mean '{close[0]}'?" if close else "see `roost fleet status`"
        return NotFoundError(f"there is no host '{host}' in this fleet; {hint}")

    def with_peer(self, peer: str) -> list[str]:
        """Other hosts that have a peer of that name, as far as they have told."""
        return sorted(host for host in self._with.get(peer, ()) if self.has(host))

    def peers(self, host: str) -> tuple[Row, ...]:
        """The peers of another host, as it has told them last."""
        known = self._known.get(host)
        return known.peers if known is not None else ()

    def hear(self, host: str) -> None:
        """A frame of that host came."""
        known = self._known.setdefault(host, Member())
        known.heard, known.heard_at = self._clock.monotonic(), self._clock.now()
        self.on_heard(host)

    def sign(self, host: str) -> Sign | None:
        """The latest sign of life of a host; None: there was none."""
        known = self._known.get(host)
        return known.sign if known is not None else None

    def past(self, run: str, number: int) -> float | None:
        """For how many seconds a sign of life of this host should not have been its latest any more.

        Those count for which it slept or stood still: who asked meanwhile has long been told that it did not
        answer. None: it is of another run of its daemon, or is remembered no more.
        """
        if run != self.run_name or number not in self._given:
            return None
        at, every = self._given[number]
        return max(self._clock.boottime() - at - every, 0.0)

    def silent_since(self, host: str) -> float | None:
        """Since when nothing is heard of a host (Unix seconds; 0: never was); None: it is reached."""
        known = self._known.get(host)
        if known is None or known.heard_at is None or known.sign is None:
            return 0.0
        silent = self._clock.monotonic() - known.heard >= SILENT / BEAT * known.sign.every
        return known.heard_at if silent else None

    def _committed(self, *_: object) -> None:
        self._changed.set()

    async def _beat(self) -> None:
        while True:
            self._number += 1
            every = pace(BEAT, len(self.hosts()))
            self._given[self._number] = self._clock.boottime(), every
            self._given.pop(self._number - REMEMBERED, None)
            sign = Sign(self.run_name, self._number, every)
            await self._put(f"host.{self.name}", msgspec.json.encode(sign))
            await self._remind()
            await self._clock.sleep(every)

    async def _remind(self) -> None:
        """Tell the hub who was revoked, where it does not know it any more."""
        hosts = sorted(self._outdated)
        if hosts:
            known = msgspec.json.encode([self.ring.signed[host] for host in hosts])
            if await self._put(f"{REVOKED}.{self.name}", known):
                self._outdated.difference_update(hosts)

    async def _watch(self) -> None:
        """Say so when a host falls silent, which nothing that comes tells."""
        while True:
            for host in self.hosts():
                self._look(host)
            await self._clock.sleep(BEAT)

    def _look(self, host: str) -> None:
        silent = self.silent_since(host) is not None
        if silent != (host in self._silent):
            (self._silent.add if silent else self._silent.discard)(host)
            self._say(host)

    def _say(self, host: str) -> None:
        for listener in self.on_changed:
            listener(host)

    async def _tell(self) -> None:
        told: list[Row] | None = None
        while True:
            self._changed.clear()
            rows, calm = self._rows(), CALM
            if rows != told:
                word = pack(msgspec.json.encode(rows))
                if await self._put(f"peers.{self.name}", word):
                    told, calm = rows, pace(CALM, len(self.hosts()), len(word))
            await self._clock.sleep(calm)
            if rows == told:
                await race(self._changed.wait(), self._clock.sleep(BEAT))

    async def _put(self, key: str, value: bytes) -> bool:
        try:
            await self._directory.put(key, value)
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
                    news = False
                    async for change in changes:
                        await self._take(change, news=news)
                        news = True
            except CarrierGone as gone:
                self._know(gone.message)
            except StoreError as error:
                _log.warning("certificates are not stored yet: %s", error.message)
            await self._clock.sleep(RETRY)

    async def _take(self, change: Mapping[str, bytes], *, news: bool) -> None:
        """Learn it; `news`: it was told now, and did not stand there before."""
        learned = False
        for key, value in change.items():
            try:
                learned |= self._take_one(key, value, news=news)
            except Exception as defect:  # noqa: BLE001 -- one word that cannot be taken keeps back no other
                _log.error("what is told as %s is not taken", key, exc_info=defect)
        if learned:
            signed = msgspec.json.encode(list(self.ring.signed.values())).decode()
            await self._fleet.record(meta={RING: signed})

    def _take_one(self, key: str, value: bytes, *, news: bool) -> bool:
        """Whether it was a certificate that was not known."""
        kind, _, host = key.partition(".")
        if kind == "cert":
            return self._take_certificate(host, value)
        if kind == REVOKED:
            return self._take_revoked(host, value)
        if kind == OWNER:
            self.on_owner(host, value)
        elif host != self.name:
            self._take_value(kind, host, value, news=news)
            self._look(host)
        return False

    def _take_certificate(self, whence: str, signed: bytes) -> bool:
        found = self._read(whence, signed)
        if found is None:
            return False
        if self.ring.outdates(found):
            self._outdated.add(found.host)
        learned = self.ring.take(found, signed)
        if learned:
            self._say(found.host)
        return learned

    def _take_revoked(self, whence: str, value: bytes) -> bool:
        """What another host knows to be revoked. Nobody is let in by the word of another host."""
        learned = False
        for signed in dict.fromkeys(msgspec.json.decode(value, type=list[bytes])):
            found = self._read(whence, signed)
            if found is None:
                break  # who forges one has us examine no more
            if found.revoked and self.ring.take(found, signed):
                self._say(found.host)
                learned = True
        return learned

    def _read(self, whence: str, signed: bytes) -> Certificate | None:
        try:
            return self.ring.read(signed)
        except ForgedError as error:
            _log.error("a certificate of %s: %s", whence, error.message)
            return None

    def _take_value(self, kind: str, host: str, value: bytes, *, news: bool) -> None:
        known = self._known.setdefault(host, Member())
        try:
            if kind == "host":
                sign = msgspec.json.decode(value, type=Sign)
                # The same one again, after a loss, is no sign of life, and one that stood there before this
                # daemon looked may be of any time.
                if sign != known.sign and (news or known.sign is not None):
                    self.hear(host)
                known.sign = sign
            elif kind == "peers":
                peers = msgspec.json.decode(unpack(value), type=tuple[Row, ...])
                self._index(host, known.peers, peers)
                known.peers = peers
                self._say(host)
        except (ValueError, RecursionError) as error:  # msgspec's are some
            _log.warning("what %s tells cannot be read: %s", host, error)

    def _index(self, host: str, before: Sequence[Row], now: Sequence[Row]) -> None:
        """Find the peers of a host by their names."""
        here, there = {row.name for row in now}, {row.name for row in before}
        for name in here - there:
            self._with.setdefault(name, set()).add(host)
        for name in there - here:
            self._with[name].discard(host)
            if not self._with[name]:
                del self._with[name]


def as_json(host: str, members: Members) -> dict[str, Any]:
    """A member as the commands show it."""
    since = members.silent_since(host)
    return {"host": host, "reached": since is None, "silent_since": since, "peers": len(members.peers(host))}
