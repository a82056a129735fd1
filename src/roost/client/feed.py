"""The journal as it grows, read once from the daemon for all open pages."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Generator

from roost.client.connection import Record
from roost.client.daemon import Daemon, Mark
from roost.errors import RoostError

RETRY = 0.5
"""Seconds between two tries to reach a daemon that went away."""
BEHIND = 1000
"""Lines that wait for a page; one that is further behind is hung up on and comes back by its number."""
MISSED = 500
"""Lines that a page that comes back is sent; where there are more it is to load itself again."""


class BehindError(Exception):
    """A page takes what it is sent too slowly, has missed too much, or has lines of another journal."""


class Feed:
    """Passes the lines of the journal on, each once and in order, through restarts of the daemon."""

    def __init__(self, daemon: Daemon) -> None:
        """`run` does the reading."""
        self._daemon = daemon
        self._last: Mark | None = None
        self._queues: set[asyncio.Queue[Record]] = set()
        self.trouble: str | None = None

    async def run(self) -> None:
        """Read for ever; a daemon that goes away is asked again."""
        while True:
            try:
                if self._last is None or not await self._daemon.holds(self._last):
                    self._last = await self._daemon.newest()
                self._heard(None)
                await self._follow(self._last.seq)
            except RoostError as error:
                self._heard(error.message)
            await asyncio.sleep(RETRY)

    async def _follow(self, after: int) -> None:
        asked: Record = {"after": after, "follow": True}
        async with contextlib.aclosing(self._daemon.follow("events", asked)) as events:
            async for event in events:
                self._last = Mark.of(event)
                self._pass_on(event)

    def _heard(self, trouble: str | None) -> None:
        """Note whether the daemon is there, and wake those who wait for news."""
        if trouble != self.trouble:
            self.trouble = trouble
            self._pass_on({"kind": "link", "seq": 0})

    def _pass_on(self, event: Record) -> None:
        for queue in self._queues:
            if queue.qsize() <= BEHIND:
                queue.put_nowait(event)

    @contextlib.contextmanager
    def subscribe(self) -> Generator[asyncio.Queue[Record]]:
        """All lines from now on; one of kind `link`, number 0, says that `trouble` has changed."""
        queue: asyncio.Queue[Record] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    async def since(self, after: Mark, peer: str | None) -> AsyncGenerator[Record, None]:
        """Lines after this one, then those to come, each `link`, too. Raises BehindError."""
        with self.subscribe() as queue:
            yield {"kind": "link", "seq": 0}
            await self._check(after)
            missed = await self._daemon.events({"after": after.seq, "peer": peer, "limit": MISSED + 1})
            if len(missed) > MISSED:
                raise BehindError
            for event in missed:
                after = Mark.of(event)
                yield event
            while True:
                if queue.qsize() > BEHIND:
                    raise BehindError
                event = await queue.get()
                if event["kind"] == "link":
                    yield event
                    if self.trouble is None:  # a daemon that is back may have the store of a backup
                        await self._check(after)
                elif event["seq"] > after.seq and peer in (None, event["peer"]):
                    after = Mark.of(event)
                    yield event

    async def _check(self, after: Mark) -> None:
        """Raise BehindError where the journal is not the one that a page has lines of."""
        if not await self._daemon.holds(after):
            raise BehindError
