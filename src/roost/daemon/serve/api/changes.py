"""The registry as it changes, for whoever follows it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import PeerState
from roost.daemon.serve.api.peers import Peers
from roost.daemon.state.fleet import Fleet

AGAIN = 10.0
"""Seconds after which all rows are looked at again: some reasons tell how long something has lasted."""


class Changes:
    """Tells followers of the rows that commits change; without any a commit costs nothing."""

    def __init__(self, fleet: Fleet, peers: Peers) -> None:
        """Listen to this fleet; `peers` makes the rows."""
        self._peers = peers
        self._followers: set[_Follower] = set()
        fleet.listeners.on_committed.append(self._committed)
        fleet.listeners.on_kept.append(self._changed)

    def _committed(self, name: str, state: PeerState | None, _commands: tuple[c.Command, ...]) -> None:
        self._changed(name, state)

    def _changed(self, name: str, _state: PeerState | None) -> None:
        for follower in self._followers:
            follower.names.add(name)
            follower.news.set()

    async def follow(self) -> AsyncGenerator[dict[str, Any], None]:
        """All `rows` as `list` has them, then those that change, and the names that are `gone`."""
        follower = _Follower()
        self._followers.add(follower)
        try:
            known = {row["name"]: row for row in self._peers.rows()}
            yield {"rows": list(known.values()), "gone": []}
            while True:
                names = await follower.changed()
                now = {row["name"]: row for row in self._peers.rows(names)}
                gone = [name for name in (known if names is None else names) if name in known.keys() - now]
                rows = [row for name, row in now.items() if known.get(name) != row]
                for name in gone:
                    del known[name]
                known.update(now)
                if rows or gone:
                    yield {"rows": rows, "gone": gone}
        finally:
            self._followers.discard(follower)


class _Follower:
    """The names of peers that have changed since it was told."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.news = asyncio.Event()

    async def changed(self) -> set[str] | None:
        """Those names, once there are some; None after a while without any: look at all."""
        try:
            async with asyncio.timeout(AGAIN):
                await self.news.wait()
        except TimeoutError:
            return None
        names, self.names = self.names, set()
        self.news.clear()
        return names
