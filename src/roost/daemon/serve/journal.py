"""The journal as a feed: what is stored, then what comes."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

from roost.store.interfaces import JournalRow, Store

PAGE = 1000


class JournalFeed:
    """Passes new journal lines on to whoever follows."""

    def __init__(self, store: Store) -> None:
        """Read the past from the store."""
        self._store = store
        self._queues: set[asyncio.Queue[JournalRow]] = set()

    def committed(self, rows: tuple[JournalRow, ...]) -> None:
        """New lines were committed."""
        for queue in self._queues:
            for row in rows:
                queue.put_nowait(row)

    @contextmanager
    def subscribe(self) -> Generator[asyncio.Queue[JournalRow]]:
        """A queue of all lines from now on."""
        queue: asyncio.Queue[JournalRow] = asyncio.Queue()
        self._queues.add(queue)
        try:
            yield queue
        finally:
            self._queues.discard(queue)

    async def rows(self, after: int, peer: str | None, *, follow: bool) -> AsyncGenerator[JournalRow, None]:
        """Lines above a number, in order and each once; with `follow` also those to come."""
        with self.subscribe() as queue:
            while page := await self._store.events(after, peer, PAGE):
                for row in page:
                    yield row
                after = page[-1].seq
            while follow:
                row = await queue.get()
                if row.seq > after and peer in (None, row.peer):
                    after = row.seq
                    yield row
