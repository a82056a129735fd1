"""The index of words beside the store is kept up to date, behind the commits, when there were some."""

import asyncio
import logging
from collections.abc import Callable

import apsw

from roost.daemon.state.machine import Machine
from roost.errors import RoostError, StoreError
from roost.store.search.index import catch_up, prune

EVERY = 60.0
"""Seconds between two looks for what is new."""
PASS = 2.0
"""Seconds of work in one step; between two the store's callers have their turn."""
PRUNES = 10
"""Looks after which it is also looked for what the store has let go of."""

_log = logging.getLogger("roost.search")


class SearchIndex:
    """Keeps the index of one store."""

    def __init__(self, machine: Machine) -> None:
        """Keep that of this machine's store."""
        self._machine = machine
        self._turn = asyncio.Lock()
        self._seen = 0

    async def run(self) -> None:
        """Look for ever. What stands in the way is said once in a while, and searching does without."""
        looks = 0
        while True:
            await self._machine.clock.sleep(EVERY)
            looks += 1
            while await self.catch_up():
                await self._machine.clock.sleep(0)
            if looks % PRUNES == 0:
                async with self._turn:
                    await self._work(prune)

    async def catch_up(self) -> int:
        """Take in what is new, for a while; how many rows it is behind then."""
        async with self._turn:
            try:
                last = await self._machine.store.last_seq()
            except StoreError:
                return 0
            if last == self._seen:
                return 0
            behind = await self._work(catch_up, PASS)
            if behind == 0:
                self._seen = last
            return behind or 0

    async def _work(self, work: Callable[..., int], *more: float) -> int | None:
        """What a piece of work comes to; None where it could not be done."""
        places = self._machine.places
        try:
            return await self._machine.work.conversations.run(
                work, places.search_index, places.database, *more
            )
        except (apsw.Error, RoostError, OSError) as error:
            _log.warning("the index of words cannot be kept now: %s", error)
            return None
