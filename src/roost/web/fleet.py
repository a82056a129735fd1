"""All peers as the page shows them, and what of them has changed since a page was told."""

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.client.feed import RETRY
from roost.errors import NoDaemonError, RoostError

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
    """The registry, followed once for all open pages. Changes have numbers; a page names the last it has."""

    def __init__(self, daemon: Daemon, row: Callable[[Record], str]) -> None:
        """`row` draws a peer; `run` follows."""
        self._daemon = daemon
        self._draw = row
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._rows: dict[str, Row] = {}
        self._gone: dict[str, int] = {}
        self._news = asyncio.Condition()
        self._error: RoostError | None = NoDaemonError()

    @property
    def trouble(self) -> str | None:
        """Why what is shown is not of now, None where it is."""
        return self._error.message if self._error is not None else None

    def check(self) -> None:
        """Raise what keeps the registry from being known now."""
        if self._error is not None:
            raise self._error

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
        """Follow for ever; a daemon that goes away is asked again."""
        while True:
            try:
                await self._follow()
            except RoostError as error:
                self._error = error
                await self._tell()
            await asyncio.sleep(RETRY)

    async def _follow(self) -> None:
        whole = True
        async with contextlib.aclosing(self._daemon.follow("list", {"follow": True})) as changes:
            async for change in changes:
                found = {str(peer["name"]): peer for peer in change["rows"]}
                self._take(found, self._rows.keys() - found.keys() if whole else change["gone"])
                self._error, whole = None, False
                await self._tell()

    def _take(self, found: dict[str, Record], gone: Iterable[str]) -> None:
        self._version += 1
        for name in [name for name in gone if name in self._rows]:
            del self._rows[name]
            self._gone[name] = self._version
        for name, peer in found.items():
            row = self._rows.get(name)
            if row is None or row.peer != peer:
                self._rows[name] = Row(peer, self._draw(peer), self._version)
                self._gone.pop(name, None)

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
        return Change(self.mark, not known, rows, gone, self.counts, self.trouble)

    async def next(self, mark: str, trouble: str | None) -> Change:
        """What changed since `mark`, once something has or the daemon went or came. Cancel it to give up."""
        async with self._news:
            await self._news.wait_for(lambda: self.mark != mark or self.trouble != trouble)
        return self.changes(mark)


def _place(peer: Record) -> tuple[int, bool, str]:
    state = str(peer["state"])
    place = ORDER.index(state) if state in ORDER else len(ORDER)
    return place, peer["runtime"] == "human", str(peer["name"])
