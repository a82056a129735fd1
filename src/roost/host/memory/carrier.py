"""What carries frames between hosts of one process, and loses, doubles and keeps what it is told to."""

import asyncio
from collections import defaultdict, deque

from roost.host.errors import CarrierGone, CarrierRefused
from roost.host.interfaces.carrier import Carried


class MemoryHub:
    """Keeps frames for each host until they are done with. `cut`: hosts that cannot reach it now.

    `full`: hosts for which it keeps no more; `refused`: how many frames it did not keep for that reason.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._queues: defaultdict[str, deque[tuple[str, bytes]]] = defaultdict(deque)
        self._news = asyncio.Condition()
        self.cut: set[str] = set()
        self.full: set[str] = set()
        self.refused = 0
        self.lose = 0
        """So many of the next frames are lost."""
        self.double = False

    def carrier(self, host: str) -> "MemoryCarrier":
        """The carrier of one host."""
        return MemoryCarrier(self, host)

    async def put(self, origin: str, host: str, frame: bytes) -> None:
        """Keep a frame for a host. Raises CarrierGone, CarrierRefused."""
        if origin in self.cut:
            raise CarrierGone
        if host in self.full:
            self.refused += 1
            raise CarrierRefused
        if self.lose:
            self.lose -= 1
            return
        self._queues[host] += [(origin, frame)] * (2 if self.double else 1)
        await self.tell()

    async def tell(self) -> None:
        """Something has changed: whoever waits looks again."""
        async with self._news:
            self._news.notify_all()

    async def first(self, host: str) -> tuple[str, bytes]:
        """The first frame for a host; waits for one, and while the host is cut off."""
        async with self._news:
            await self._news.wait_for(lambda: bool(self._queues[host]) and host not in self.cut)
        return self._queues[host][0]

    def kept(self, host: str) -> int:
        """How many frames are kept for a host."""
        return len(self._queues[host])

    def done(self, host: str) -> None:
        """The first frame of a host was dealt with."""
        self._queues[host].popleft()


class MemoryCarrier:
    """One host's way to a hub."""

    def __init__(self, hub: MemoryHub, host: str) -> None:
        """Send and receive as this host."""
        self._hub = hub
        self._host = host

    async def open(self) -> None:
        """See Carrier."""

    async def send(self, host: str, frame: bytes) -> None:
        """See Carrier."""
        await self._hub.put(self._host, host, frame)

    async def receive(self) -> Carried:
        """See Carrier."""
        origin, frame = await self._hub.first(self._host)

        async def done() -> None:
            self._hub.done(self._host)

        return Carried(origin, frame, done)

    async def close(self) -> None:
        """See Carrier."""
