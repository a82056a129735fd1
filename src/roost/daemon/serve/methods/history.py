"""The methods about what has been: the lines of the journal, the ends of sessions."""

from collections.abc import AsyncGenerator
from typing import Any

from roost.core.vocabulary.identity import host_of
from roost.daemon.health.alarms import Alarms
from roost.daemon.serve.journal import PAGE, JournalFeed
from roost.daemon.serve.methods.method import Answer, Away, Call, Method, Params, Stream, Table
from roost.daemon.serve.methods.parameters import NAME, Count
from roost.daemon.state.fleet import Fleet
from roost.errors import UsageError
from roost.present.objects import check_after, death_object, event_object
from roost.store.interfaces import Store


class Events(Params):
    """Which lines of the journal; `before`: the newest with a number below, `limit` of them or a page."""

    after: Count | None = None
    before: Count | None = None
    peer: str | None = None
    follow: bool = False
    limit: Count | None = None


class Deaths(Params):
    """Whose, by default everybody's."""

    name: str | None = None


class HistoryMethods:
    """Answers what is asked about what has been."""

    def __init__(self, fleet: Fleet, store: Store, feed: JournalFeed, alarms: Alarms) -> None:
        """`alarms` tell what a list leaves out."""
        self._fleet = fleet
        self._store = store
        self._feed = feed
        self._alarms = alarms

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "events": Method(Events, self._events, looks=True, names=("peer",), away=Away.HERE),
            "deaths": Method(Deaths, self._deaths, looks=True, names=NAME),
        }

    async def _events(self, call: Call[Events]) -> Stream:
        asked = call.params
        if asked.peer is not None and asked.peer not in self._fleet.names() and host_of(asked.peer) is None:
            known = await self._store.events(0, asked.peer, 1)
            if not known:
                self._fleet.get(asked.peer)
        if asked.before is not None and (asked.follow or asked.after is not None):
            raise UsageError("events: `before` goes with neither `after` nor `follow`")
        if asked.after:
            check_after(asked.after, await self._store.last_seq())
        return Stream(self._stream(asked) if asked.before is None else self._before(asked.before, asked))

    async def _before(self, seq: int, asked: Events) -> AsyncGenerator[dict[str, Any], None]:
        limit = PAGE if asked.limit is None else min(asked.limit, PAGE)
        for row in await self._store.events_before(seq, asked.peer, limit):
            yield event_object(row)

    async def _stream(self, asked: Events) -> AsyncGenerator[dict[str, Any], None]:
        left = asked.limit
        async for row in self._feed.rows(asked.after or 0, asked.peer, follow=asked.follow):
            yield event_object(row)
            left = left - 1 if left is not None else None
            if left == 0:
                return

    async def _deaths(self, call: Call[Deaths]) -> Answer:
        name = call.params.name
        if name is not None:
            self._fleet.get(name)
        deaths = await self._store.deaths(name)
        return Answer([death_object(death) for death in deaths], self._alarms.unreadable())
