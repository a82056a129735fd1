"""Threads: who takes part in one, and who leaves it."""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from roost.core.messages.taking_part import takes_part
from roost.core.vocabulary import requests as r
from roost.daemon.state.fleet import Fleet
from roost.errors import NotFoundError, RefusedError, UsageError
from roost.store.interfaces import Store


class Participants:
    """Finds who takes part in threads, by the messages of a topic."""

    def __init__(self, store: Store, fleet: Fleet, find: Callable[[str], Awaitable[str]]) -> None:
        """Look in this store; `find` gives a peer that messages can be kept for, or raises NotFoundError."""
        self._store = store
        self._fleet = fleet
        self._find = find
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def alone(self, thread: str) -> asyncio.Lock:
        """What is held from finding the members to having stored for them: so nobody leaves in between."""
        lock = self._locks.get(thread) or asyncio.Lock()
        self._locks[thread] = lock
        return lock

    async def members(self, thread: str) -> dict[str, float]:
        """The peers in it, who came first first, and when the latest message from or to each was.

        Those that were removed, or whose host is in the fleet no more, are left out.
        """
        found: dict[str, float] = {}
        for party, latest in (await self._store.parties(thread)).items():
            try:
                name = await self._find(party)
            except (NotFoundError, RefusedError, UsageError):
                continue
            if takes_part(self._fleet.get(name).peer, thread, latest):
                found[name] = max(latest, found.get(name, latest))
        return found

    async def leave(self, thread: str, name: str) -> None:
        """Take a member out. Raises NotFoundError, RefusedError."""
        async with self.alone(thread):
            latest = (await self.members(thread)).get(name)
            if latest is None:
                raise NotFoundError(
                    f"'{name}' is not in the thread '{thread}'; see `roost thread '{thread}'`"
                )
            await self._fleet.tell(name, r.LeaveThread(thread, latest))
