"""All peers as the page shows them, and what of them has changed since a page was told."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from roost.cli.client import Record
from roost.errors import RoostError
from roost.web.daemon import Daemon
from roost.web.feed import Feed

PACE = 0.05
"""Seconds at least between two looks at the registry, however fast the journal grows."""
LOOK = 10.0
"""Seconds without news after which the registry is looked at: not all that is shown is in the journal."""
ORDER = ("blocked", "unknown", "quarantined", "working", "starting", "stopping", "idle", "asleep", "stopped")
"""What needs a person, then what works, then what rests."""


@dataclass(frozen=True, slots=True)
class Row:
    """A peer as it was last told, the HTML of its row, and the version of the fleet that brought it."""

    peer: Record
    html: str
    version: int


@dataclass(frozen=True, slots=True)
class Change:
    """What a page has to be told: rows by name, peers that are gone, how many there are in each state.

    `whole`: these are all rows, whatever the page has.
    """

    mark: str
    whole: bool
    rows: dict[str, str]
    gone: list[str]
    counts: dict[str, int]
    trouble: str | None


class Fleet:
    """The registry, looked at once for all open pages. Changes have numbers; a page names the last it has."""

    def __init__(self, daemon: Daemon, feed: Feed, row: Callable[[Record], str]) -> None:
        """`row` draws a peer; `run` looks while pages are open."""
        self._daemon = daemon
        self._feed = feed
        self._draw = row
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._rows: dict[str, Row] = {}
        self._gone: dict[str, int] = {}
        self._news = asyncio.Condition()
        self._looking = asyncio.Lock()
        self._watchers = 0
        self._wanted = asyncio.Event()

    @property
    def mark(self) -> str:
        """The number of the last change, for `changes`."""
        return f"{self._epoch}.{self._version}"

    @property
    def peers(self) -> list[Record]:
        """All peers: first those that need a person, then by name."""
        return sorted((row.peer for row in self._rows.values()), key=_place)

    @property
    def html(self) -> list[str]:
        """Their rows, in that order."""
        return [self._rows[peer["name"]].html for peer in self.peers]

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state, in the order of states."""
        counted = Counter(str(row.peer["state"]) for row in self._rows.values())
        known = {state: counted.pop(state, 0) for state in ORDER}
        return {**known, **counted}

    async def run(self) -> None:
        """Look whenever the journal has grown, while somebody watches."""
        with self._feed.subscribe() as queue:
            while True:
                await self._wanted.wait()
                with contextlib.suppress(RoostError):  # the feed says what is wrong
                    await self.look()
                await self._tell()
                await asyncio.sleep(PACE)
                try:
                    async with asyncio.timeout(LOOK):
                        await queue.get()
                except TimeoutError:
                    continue
                while not queue.empty():
                    queue.get_nowait()

    async def look(self) -> None:
        """Ask for the registry and note what has changed. Raises as the daemon does."""
        async with self._looking:
            found = {str(peer["name"]): peer for peer in await self._daemon.call("list")}
            if self._take(found):
                await self._tell()

    def _take(self, found: dict[str, Record]) -> bool:
        version = self._version + 1
        gone = self._rows.keys() - found.keys()
        changed = [
            name for name, peer in found.items() if (row := self._rows.get(name)) is None or row.peer != peer
        ]
        for name in gone:
            del self._rows[name]
            self._gone[name] = version
        for name in changed:
            self._rows[name] = Row(found[name], self._draw(found[name]), version)
            self._gone.pop(name, None)
        if changed or gone:
            self._version = version
        return bool(changed or gone)

    async def _tell(self) -> None:
        async with self._news:
            self._news.notify_all()

    def changes(self, mark: str) -> Change:
        """All that changed since `mark`; everything where it is of another process or none."""
        epoch, _, number = mark.partition(".")
        known = epoch == self._epoch and number.isdecimal()
        since = int(number) if known else -1
        rows = {name: row.html for name, row in self._rows.items() if row.version > since}
        gone = [name for name, version in self._gone.items() if version > since]
        return Change(self.mark, not known, rows, gone, self.counts, self._feed.trouble)

    async def next(self, mark: str, trouble: str | None) -> Change:
        """What changed since `mark`, once something has or the daemon went or came. Cancel it to give up."""
        self._watchers += 1
        self._wanted.set()
        try:
            async with self._news:
                await self._news.wait_for(lambda: self.mark != mark or self._feed.trouble != trouble)
            return self.changes(mark)
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._wanted.clear()


def _place(peer: Record) -> tuple[int, bool, str]:
    state = str(peer["state"])
    place = ORDER.index(state) if state in ORDER else len(ORDER)
    return place, peer["runtime"] == "human", str(peer["name"])
