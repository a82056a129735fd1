"""The journal as a feed: what is stored, then what comes."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager

from roost.store.interfaces import JournalRow, Store

PAGE = 1000
RENAMED = "renamed"
"""The kind of a line whose peer has got another name; its data says `from` which."""
BEHIND = 1000
"""Lines that are kept for one who follows; one that is further behind reads on from the store."""


class News:
    """The new lines of one who follows. They may stay untaken for days, as with a pager that is not paged."""

    def __init__(self) -> None:
        """Begin with none."""
        self._rows: deque[JournalRow] = deque()
        self._there = asyncio.Event()
        self._behind = False

    def put(self, rows: tuple[JournalRow, ...]) -> None:
        """Keep new lines; where that would be too many, only those that tell of a new name."""
        self._rows.extend(rows)
        if self._behind or len(self._rows) > BEHIND:
            self._rows = deque(row for row in self._rows if row.kind == RENAMED)
            self._behind = True
        if self._rows or self._behind:
            self._there.set()

    async def get(self) -> JournalRow | None:
        """The next line, once there is one; None where some were left out: the store has them."""
        await self._there.wait()
        row = None if self._behind else self._rows.popleft()
        self._behind = False
        if not self._rows:
            self._there.clear()
        return row


class JournalFeed:
    """Passes new journal lines on to whoever follows."""

    def __init__(self, store: Store) -> None:
        """Read the past from the store."""
        self._store = store
        self._followers: set[News] = set()

    def committed(self, rows: tuple[JournalRow, ...]) -> None:
        """New lines were committed."""
        for news in self._followers:
            news.put(rows)

    @contextmanager
    def subscribe(self) -> Generator[News]:
        """What is new from now on."""
        news = News()
        self._followers.add(news)
        try:
            yield news
        finally:
            self._followers.discard(news)

    async def rows(self, after: int, peer: str | None, *, follow: bool) -> AsyncGenerator[JournalRow, None]:
        """Lines above a number, in order and each once; with `follow` also those to come.

        A peer that gets another name is followed under that one.
        """
        with self.subscribe() as news:
            while True:
                while page := await self._store.events(after, peer, PAGE):
                    for row in page:
                        yield row
                    after = page[-1].seq
                if not follow:
                    return
                while (row := await news.get()) is not None:
                    if row.kind == RENAMED and row.data.get("from") == peer:
                        peer = row.peer
                        break
                    if row.seq > after and peer in (None, row.peer):
                        after = row.seq
                        yield row
