"""All peers as they change, followed through restarts of the daemon."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Iterable

from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.client.feed import RETRY
from roost.client.order import ORDER, place
from roost.errors import NoDaemonError, RoostError


class Registry:
    """The rows of `list --all` by their peers' names, as they were last told."""

    def __init__(self, daemon: Daemon) -> None:
        """Know nothing; `follow` learns."""
        self._daemon = daemon
        self.rows: dict[str, Record] = {}
        self.hosts: list[Record] = []
        """The other hosts of the fleet, and which of them are not reached."""
        self.error: RoostError | None = NoDaemonError()
        """Why what is known is not of now, None where it is."""

    async def follow(self) -> AsyncGenerator[tuple[dict[str, Record], list[str]], None]:
        """The rows that have changed and the names that are gone, after each change, for ever.

        Both are empty where only `error` or `hosts` has changed. A daemon that goes away is asked again.
        """
        while True:
            try:
                async with contextlib.aclosing(self._changes()) as changes:
                    async for change in changes:
                        yield change
            except RoostError as error:
                self.error = error
                yield {}, []
            await asyncio.sleep(RETRY)

    async def _changes(self) -> AsyncGenerator[tuple[dict[str, Record], list[str]], None]:
        whole = True
        async with contextlib.aclosing(self._daemon.follow("list", {"follow": True, "all": True})) as changes:
            async for change in changes:
                found = {str(row["name"]): row for row in change["rows"]}
                self.error = None
                self.hosts = change.get("hosts", self.hosts)
                yield self._take(found, self.rows.keys() - found.keys() if whole else change["gone"])
                whole = False

    def _take(self, found: dict[str, Record], gone: Iterable[str]) -> tuple[dict[str, Record], list[str]]:
        left = [name for name in gone if name in self.rows]
        for name in left:
            del self.rows[name]
        changed = {name: row for name, row in found.items() if self.rows.get(name) != row}
        self.rows.update(changed)
        return changed, left

    @property
    def sorted(self) -> list[Record]:
        """All rows: first those that need a person, then by name."""
        return sorted(self.rows.values(), key=place)

    @property
    def counts(self) -> dict[str, int]:
        """How many are in each state, in the order of states."""
        counted = Counter(str(row["state"]) for row in self.rows.values())
        known = {state: counted.pop(state, 0) for state in ORDER}
        return {**known, **counted}
