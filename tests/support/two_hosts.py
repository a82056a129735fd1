"""Hosts of a fleet in one process: each with a store of its own, mailboxes, and a way to the same hub."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy
from roost.daemon.delivery.notices import Notices
from roost.daemon.hosts.hosts import Hosts
from roost.daemon.hosts.keyring import Certificate, Keyring, certify
from roost.daemon.hosts.members import Members
from roost.daemon.hosts.rows import Row
from roost.daemon.hosts.sealed import SealedCarrier
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import StoreError
from roost.host.memory.carrier import MemoryHub
from roost.host.memory.clock import VirtualClock
from roost.host.memory.directory import MemoryBoard
from roost.host.memory.ids import SequenceIds
from roost.host.seal import sealing_pair, signing_pair
from roost.local.grants import Grants
from roost.runtimes.registry import Runtimes
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore
from roost.store.records import StoredMessage
from tests.support.wait import eventually

PATIENCE = 10.0
AUTHORITY = signing_pair()
PAIRS = {name: sealing_pair() for name in ("mars", "venus")}


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


@dataclass
class Host:
    """One host. `restart` ends its daemon and begins another on the same store."""

    name: str
    hub: MemoryHub
    clock: VirtualClock
    board: MemoryBoard
    refused: list[tuple[str, str]] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)
    grants: Grants = field(default_factory=Grants)
    number: int = 0
    state: str = "asleep"
    """The state in which it shows its peers."""

    async def start(self, *mailboxes: str) -> None:
        self.tasks = Tasks()
        policy = Policy(traits=Runtimes().traits())
        self.fleet = Fleet(self.store, self.clock, policy, self.tasks)
        loaded = await self.store.load()
        self.fleet.load(loaded.peers)
        ring = Keyring(AUTHORITY.public)
        for name, pair in PAIRS.items():
            ring.learn(certify(Certificate(name, pair.public.hex(), "", 1), AUTHORITY.private))
        private, way = PAIRS[self.name].private, self.hub.carrier(self.name)
        carrier = SealedCarrier(way, private, ring, lambda *why: self.refused.append(why))
        directory = self.board.directory(self.name)
        members = Members(self.name, "run", ring, directory, self.fleet, self.store, self.clock, self._rows)
        ids, grants = SequenceIds(), self.grants
        self.hosts = Hosts(members, carrier, self.fleet, self.store, self.clock, ids, self.tasks, grants)
        self.notices = Notices(self.fleet, self.store, self.clock)
        self.fleet.listeners.on_effect = self._effect
        for name in mailboxes:
            await self.fleet.add(Peer(name, f"seed of {name}", Settings("/", "human"), self.clock.now()))
        await self.hosts.open(loaded.intents)

    def _rows(self) -> list[Row]:
        return [Row(name, self.state, "", 0.0, "human") for name in self.fleet.names()]

    def _effect(self, effect: c.Effect) -> None:
        match effect:
            case c.Forward() | c.Report():
                self.hosts.put(effect)
            case c.Notify():
                self.tasks.start(self.notices.deliver(effect), effect.key)
            case _:
                raise AssertionError(effect)

    async def stop(self) -> None:
        await self.tasks.close()

    async def restart(self) -> None:
        await self.stop()
        with suppress(StoreError):  # what it was told to fail at has failed
            await self.store.commit(Batch(self.clock.now()))
        await self.start()

    async def send(self, sender: str, to: str, body: str = "look", **fields: object) -> str:
        self.number += 1
        raw = body.encode()
        message_id = f"{digest(self.name.encode())[:12]}7000{self.number:016x}"
        message = Message(message_id, sender, to, self.clock.now(), len(raw), digest(raw), **fields)  # type: ignore[arg-type]
        if "@" in to:
            await self._stored(lambda: self.hosts.intake.know(to))
        await self._stored(lambda: self.fleet.tell(to, r.Submit(message), bodies={message_id: raw}))
        return message_id

    async def _stored(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do it, once more where the store was told to fail."""
        try:
            await work()
        except StoreError:
            await work()

    async def read(self, mailbox: str) -> list[str]:
        """What is unread in a mailbox, which is then read: sender and body."""
        found = await self.store.inbox(mailbox)
        if found:
            read = r.Acknowledge(tuple(message.id for message, _ in found))
            await self._stored(lambda: self.fleet.tell(mailbox, read))
        return [f"{message.sender}: {body.decode()}" for message, body in found]

    async def story(self, message_id: str) -> StoredMessage:
        found = await self.store.message(message_id)
        assert found is not None
        return found

    async def ends(self, message_id: str, state: str) -> StoredMessage:
        """The message once it is in that state."""

        async def there() -> bool:
            found = await self.store.message(message_id)
            return found is not None and found.message.state == state

        await eventually(there, timeout=PATIENCE, why=f"{message_id} is {state} at {self.name}")
        return await self.story(message_id)

    async def mail(self, mailbox: str, count: int) -> list[str]:
        """What is read from a mailbox until it was so many messages."""
        found: list[str] = []

        async def enough() -> bool:
            found.extend(await self.read(mailbox))
            return len(found) >= count

        await eventually(enough, timeout=PATIENCE, why=f"{mailbox}@{self.name} has {count} messages")
        return found
