"""All peers as the page shows them, and what of them has changed since a page was told."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable

from msgspec import Struct

from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.client.registry import Registry


class Row(Struct, frozen=True):
    """The HTML of a peer's row, and the version of the fleet that brought it."""

    html: str
    version: int


class Change(Struct, frozen=True):
    """What a page has to be told: rows by name, peers that are gone, how many there are in each state.

    `whole`: these are all rows, whatever the page has. `hosts`: the HTML of all hosts of the fleet.
    """

    mark: str
    whole: bool
    rows: dict[str, str]
    gone: list[str]
    counts: dict[str, int]
    hosts: str
    trouble: str | None


class Fleet:
    """The registry, followed once for all open pages. Changes have numbers; a page names the last it has."""

    def __init__(
        self, daemon: Daemon, row: Callable[[Record], str], hosts: Callable[[list[Record]], str]
    ) -> None:
        """`row` draws a peer, `hosts` the hosts; `run` follows."""
        self._registry = Registry(daemon)
        self._draw = row
        self._draw_hosts = hosts
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._rows: dict[str, Row] = {}
        self._gone: dict[str, int] = {}
        self._news = asyncio.Condition()

    @property
    def trouble(self) -> str | None:
        """Why what is shown is not of now, None where it is."""
        error = self._registry.error
        return error.message if error is not None else None

    def check(self) -> None:
        """Raise what keeps the registry from being known now."""
        if self._registry.error is not None:
            raise self._registry.error

    @property
    def mark(self) -> str:
        """The number of the last change, for `changes`."""
        return f"{self._epoch}.{self._version}"

    @property
    def peers(self) -> list[Record]:
        """All peers: first those that need a person, then by name."""
        return self._registry.sorted

    @property
    def html(self) -> list[str]:
        """Their rows, in that order."""
        return [self._rows[peer["name"]].html for peer in self.peers]

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state, in the order of states."""
        return self._registry.counts

    @property
    def hosts(self) -> str:
        """All hosts of the fleet, this one first; nothing where it is the only one."""
        others = self._registry.hosts
        own = sorted({str(row["host"]) for name, row in self._registry.rows.items() if "@" not in name})
        mine = [{"host": host, "reached": True, "why": None} for host in own]
        return self._draw_hosts([*mine, *others]) if others else ""

    async def run(self) -> None:
        """Follow for ever; a daemon that goes away is asked again."""
        async with contextlib.aclosing(self._registry.follow()) as changes:
            async for found, gone in changes:
                self._take(found, gone)
                async with self._news:
                    self._news.notify_all()

    def _take(self, found: dict[str, Record], gone: list[str]) -> None:
        if self._registry.error is None:
            self._version += 1
        for name in gone:
            del self._rows[name]
            self._gone[name] = self._version
        for name, peer in found.items():
            self._rows[name] = Row(self._draw(peer), self._version)
            self._gone.pop(name, None)

    def changes(self, mark: str) -> Change:
        """All that changed since `mark`; everything where it is of another process or none."""
        epoch, _, number = mark.partition(".")
        known = epoch == self._epoch and number.isdecimal()
        since = int(number) if known else -1
        rows = {name: row.html for name, row in self._rows.items() if row.version > since}
        gone = [name for name, version in self._gone.items() if version > since]
        return Change(self.mark, not known, rows, gone, self.counts, self.hosts, self.trouble)

    async def next(self, mark: str, trouble: str | None) -> Change:
        """What changed since `mark`, once something has or the daemon went or came. Cancel it to give up."""
        async with self._news:
            await self._news.wait_for(lambda: self.mark != mark or self.trouble != trouble)
        return self.changes(mark)
