"""Tells watchers. What comes in a burst goes in one message; nothing is told twice, and nothing is lost.

Each piece of news is an intent until the message that tells it is stored, with which all of them are settled.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Sequence

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import SYSTEM
from roost.core.vocabulary.message import Message, Notice
from roost.daemon.state.fleet import Fleet
from roost.errors import RoostError, StoreError
from roost.host.interfaces.clock import Clock
from roost.store.interfaces import Store

GATHER = 0.25
"""Seconds for which the first news waits for more, as when many peers end together."""
APART = 10.0
"""Seconds between two such messages to one watcher."""
AGAIN = 2.0
"""Seconds until the next try, when what is to be told cannot be stored."""
SHOWN = 20
"""Lines of one message; how many more there are is its last."""


class WatchNotices:
    """Holds what is to be told until its watcher may be written to again."""

    def __init__(self, fleet: Fleet, store: Store, clock: Clock) -> None:
        """Send through the fleet."""
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._held: defaultdict[str, list[c.Notify]] = defaultdict(list)
        self._turn: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._next: dict[str, float] = {}

    async def deliver(self, command: c.Notify) -> None:
        """Tell it, alone or with others, and return when it is told.

        Whoever has the turn tells all that has come; what comes while that is being stored has the next one.
        Raises StoreError: it is still to be told then, by whoever tells it again.
        """
        to = command.to
        self._held[to].append(command)
        async with self._turn[to]:
            if command not in self._held[to]:
                return
            now = self._clock.monotonic()
            await self._clock.sleep(max(GATHER, self._next.get(to, now) - now))
            taken, self._held[to] = self._held[to], []
            try:
                await self._tell(taken)
            except Exception:
                self._held[to] = [*(each for each in taken if each is not command), *self._held[to]]
                self._next[to] = self._clock.monotonic() + AGAIN
                raise
            self._next[to] = self._clock.monotonic() + APART

    async def _tell(self, taken: Sequence[c.Notify]) -> None:
        """Tell each what it has watched for: a watcher may have been removed, and another have its name."""
        told = [self._fleet.called(each.to, each.since) for each in taken]
        for to in dict.fromkeys(told):
            await self._tell_one(to, [each for each, its in zip(taken, told, strict=True) if its == to])

    async def _tell_one(self, to: str | None, taken: Sequence[c.Notify]) -> None:
        news = [each for each in taken if await self._store.message(each.id) is None]
        keys = tuple(each.key for each in taken)
        if not news or to is None:
            await self._fleet.settle(*keys)
            return
        body = _body(news).encode()
        first = news[0].notice
        outcome = first.outcome if len({each.notice.outcome for each in news}) == 1 else "several"
        message = Message(
            id=news[0].id,
            sender=SYSTEM,
            to=to,
            created_at=self._clock.now(),
            size=len(body),
            digest=hashlib.sha256(body).hexdigest(),
            notice=Notice(first.about, outcome, first.why, watch=True),
        )
        try:
            await self._fleet.tell(to, r.Submit(message), bodies={message.id: body}, settles_too=keys)
        except StoreError:
            raise
        except RoostError:  # a receiver that refuses it is told nothing
            await self._fleet.settle(*keys)


def _body(news: Sequence[c.Notify]) -> str:
    lines = [f"{each.notice.why} (watch {each.notice.about})" for each in news[:SHOWN]]
    if len(news) > SHOWN:
        lines.append(f"... and {len(news) - SHOWN} more")
    return "\n".join(lines)
