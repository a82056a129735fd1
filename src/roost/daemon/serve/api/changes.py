"""The registry as it changes, for whoever follows it."""

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
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
        if peers.views.members is not None:
            peers.views.members.on_changed.append(self._heard)

    def _committed(self, name: str, state: PeerState | None, _commands: tuple[c.Command, ...]) -> None:
        self._changed(name, state)

    def _changed(self, name: str, _state: PeerState | None) -> None:
        for follower in self._followers:
            follower.names.add(name)
            follower.news.set()

    def _heard(self, host: str) -> None:
        """Something else is known of another host."""
        for follower in self._followers:
            follower.hosts.add(host)
            follower.news.set()

    async def follow(self, *, everywhere: bool) -> AsyncGenerator[dict[str, Any], None]:
        """All `rows` as `list` has them, then those that change, and the names that are `gone`.

        `everywhere`: those of other hosts, too, with all other `hosts` at first and when one has changed.
        """
        follower = _Follower()
        self._followers.add(follower)
        views = self._peers.views
        try:
            known = {row["name"]: row for row in self._rows(None, (), everywhere=everywhere)}
            hosts = views.hosts() if everywhere else []
            yield {"rows": list(known.values()), "gone": [], **({"hosts": hosts} if everywhere else {})}
            while True:
                names, changed = await follower.changed()
                now = {row["name"]: row for row in self._rows(names, changed, everywhere=everywhere)}
                looked_at = known if names is None else [*names, *_of(changed, known)]
                gone = [name for name in looked_at if name in known and name not in now]
                rows = [row for name, row in now.items() if known.get(name) != row]
                for name in gone:
                    del known[name]
                known.update(now)
                before, hosts = hosts, views.hosts() if everywhere else []
                if rows or gone or hosts != before:
                    told = {"hosts": hosts} if hosts != before else {}
                    yield {"rows": rows, "gone": gone, **told}
        finally:
            self._followers.discard(follower)

    def _rows(
        self, names: Collection[str] | None, hosts: Collection[str], *, everywhere: bool
    ) -> list[dict[str, Any]]:
        """The rows of these peers of this host, and of those other hosts; None: of all."""
        if not everywhere:
            return self._peers.rows(names)
        if names is None:
            return self._peers.everywhere()
        others = (row for host in hosts for row in self._peers.views.rows_of(host))
        return [*self._peers.rows(names), *others]


def _of(hosts: Collection[str], known: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    """The names of those that live on these other hosts."""
    return [name for name, row in known.items() if "@" in name and row["host"] in hosts] if hosts else ()


class _Follower:
    """The peers, and the other hosts, that have changed since it was told."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.hosts: set[str] = set()
        self.news = asyncio.Event()

    async def changed(self) -> tuple[set[str] | None, set[str]]:
        """Their names, once there are some; None after a while without any: look at all."""
        try:
            async with asyncio.timeout(AGAIN):
                await self.news.wait()
        except TimeoutError:
            return None, set()
        found = self.names, self.hosts
        self.names, self.hosts = set(), set()
        self.news.clear()
        return found
