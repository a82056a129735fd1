"""Many hosts of a fleet in one process: `python -m tests.support.scale_hosts`, a part of `scripts/scale`.

Each has what a daemon has of it: members, links, sealing, a NATS connection of its own. Its store and its
peers are in memory. What is to be done is read from standard input, a line of JSON for each; each is answered
by a line of JSON.
"""

import asyncio
import hashlib
import json
import random
import sys
import time
from dataclasses import dataclass, field

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.daemon.hosts.hosts import Hosts
from roost.daemon.hosts.keyring import Keyring
from roost.daemon.hosts.members import Members, Row
from roost.daemon.hosts.sealed import SealedCarrier
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.host.clock import SystemClock
from roost.host.ids import SystemIds
from roost.host.nats.carrier import NatsCarrier
from roost.host.nats.directory import NatsDirectory
from roost.host.nats.hub import Hub
from roost.local.grants import Grants
from roost.runtimes.registry import Runtimes
from roost.store.memory import MemoryStore

STATES = ("working", "idle", "asleep")
BODY = b"x" * 500
CHANCE = random.Random(16)  # noqa: S311 -- nothing secret


@dataclass
class Host:
    """One host. `rows`: what it tells of its peers; `taken`: when its mailbox got each message."""

    name: str
    url: str
    key: bytes
    authority: bytes
    rows: list[Row]
    clock: SystemClock = field(default_factory=SystemClock)
    ids: SystemIds = field(default_factory=SystemIds)
    tasks: Tasks = field(default_factory=Tasks)
    taken: dict[str, float] = field(default_factory=dict[str, float])
    sent: dict[str, float] = field(default_factory=dict[str, float])

    async def start(self) -> None:
        self.store = MemoryStore()
        self.fleet = Fleet(self.store, self.clock, Policy(traits=Runtimes().traits()), self.tasks)
        self.fleet.load([])
        self.fleet.listeners.on_committed.append(self._committed)
        ring = Keyring(self.authority)
        self.hub = Hub(self.name, [self.url])
        carrier = SealedCarrier(NatsCarrier(self.name, self.hub), self.key, ring, lambda *_: None)
        directory = NatsDirectory(self.hub)
        run = self.ids.new()
        members = Members(self.name, run, ring, directory, self.fleet, self.store, self.clock, self._rows)
        self.hosts = Hosts(
            members, carrier, self.fleet, self.store, self.clock, self.ids, self.tasks, Grants()
        )
        self.fleet.listeners.on_effect = self._effect
        await self.fleet.add(Peer("box", "seed", Settings("/", "human", queue_limit=100000), time.time()))
        await self.hosts.open([])

    def _rows(self) -> list[Row]:
        return list(self.rows)

    def _effect(self, effect: c.Effect) -> None:
        if isinstance(effect, c.Forward | c.Report):
            self.hosts.put(effect)

    def _committed(self, name: str, _state: PeerState | None, commands: tuple[c.Command, ...]) -> None:
        if name == "box":
            now = time.time()
            for command in commands:
                if isinstance(command, c.SaveMessage):
                    self.taken.setdefault(command.message.id, now)

    async def send(self, to: str) -> None:
        """A message for the mailbox of another host."""
        address = f"box@{to}"
        await self.hosts.intake.know(address)
        now, digest = self.clock.now(), hashlib.sha256(BODY).hexdigest()
        message = Message(self.ids.new(), "box", address, now, len(BODY), digest)
        self.sent[message.id] = time.time()
        await self.fleet.tell(address, r.Submit(message), bodies={message.id: BODY})

    def change(self, which: int, why: str = "") -> None:
        """One of its peers is in another state."""
        row = self.rows[which % len(self.rows)]
        state = CHANCE.choice([state for state in STATES if state != row.state])
        self.rows[which % len(self.rows)] = Row(row.name, state, why, self.clock.now(), row.runtime)
        for committed in self.fleet.listeners.on_committed:  # as a commit of its session would
            committed(row.name, None, ())


class Worker:
    """The hosts of this process."""

    def __init__(self) -> None:
        self.hosts: list[Host] = []
        self.changing: asyncio.Task[None] | None = None

    async def start(self, url: str, hosts: dict[str, str], authority: str, peers: int) -> object:
        """Be these hosts, with these keys (hexadecimal) and so many peers each."""
        for name, key in hosts.items():
            rows = [Row(f"agent-{number:03}", "idle", "", time.time(), "claude") for number in range(peers)]
            self.hosts.append(Host(name, url, bytes.fromhex(key), bytes.fromhex(authority), rows))
        for host in self.hosts:
            await host.start()
        return len(self.hosts)

    async def say(self, word: str) -> object:
        """Each host tells this of its first peer."""
        for host in self.hosts:
            host.change(0, word)
        return True

    async def heard(self, word: str) -> object:
        """How many hosts were heard to tell this, of all and by all."""
        return sum(
            any(row.why == word for row in host.hosts.members.peers(other))
            for host in self.hosts
            for other in host.hosts.members.hosts()
        )

    async def change(self, rate: float) -> object:
        """From now on peers change their states, so often a second at each host."""
        if self.changing is not None:
            self.changing.cancel()
            self.changing = None
        if rate:
            self.changing = asyncio.create_task(self._change(rate))
        return True

    async def _change(self, rate: float) -> None:
        number = 0
        while True:
            for host in self.hosts:
                host.change(number)
                await asyncio.sleep(1 / rate / len(self.hosts))
            number += 1

    async def send(self, to: list[str], count: int, pause: float) -> object:
        """So many messages from each host to others, with so many seconds between two."""

        async def row(host: Host) -> None:
            others = [each for each in to if each != host.name]
            await asyncio.sleep(CHANCE.random() * pause)
            for _ in range(count):
                await host.send(CHANCE.choice(others))
                await asyncio.sleep(pause)

        await asyncio.gather(*(row(host) for host in self.hosts))
        return sum(len(host.sent) for host in self.hosts)

    async def times(self) -> object:
        """When each message was sent here, and when each came here (Unix seconds)."""
        return {
            "sent": {key: at for host in self.hosts for key, at in host.sent.items()},
            "taken": {key: at for host in self.hosts for key, at in host.taken.items()},
        }


async def main() -> None:
    worker = Worker()
    reader = asyncio.StreamReader(limit=2**24)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        asked = json.loads(line)
        answer = await getattr(worker, asked.pop("do"))(**asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main())
