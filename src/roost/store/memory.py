"""The store's twin: the same promises in dictionaries, without threads, for tests of what stands on it."""

import asyncio
from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field

from roost.core.vocabulary.limits import PREFIX_LEAST
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Death
from roost.core.vocabulary.watch import Watch
from roost.errors import RefusedError, StoreError
from roost.store.database import SCHEMA
from roost.store.errors import AmbiguousIdError, BatchError, StoreClosedError
from roost.store.interfaces import ANY, Batch
from roost.store.records import Copied, Counts, JournalRow, Loaded, StoredMessage, Wanted, head, is_wanted
from roost.store.tables import Tables, apply, forget, unfinished

T = TypeVar("T")


class Point(StrEnum):
    """Where a commit can be stopped: before anything is stored, or stored but not yet acknowledged."""

    BEFORE = "before"
    AFTER = "after"


class Stop(Struct):
    """A commit that stands still: wait for `reached`, look around, then set `go`."""

    point: Point
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


class MemoryStore:
    """A Store in memory. `fail_next` and `stop_next` make the next commit fail or stand still."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tables = Tables()
        self._turn = asyncio.Lock()
        self._failure: StoreError | None = None
        self._stop: Stop | None = None
        self._closed = False
        self._told: Callable[[int, float], None] = lambda _seq, _at: None
        self.batches: list[Batch] = []
        """Every batch that was stored, in order."""

    def fail_next(self, error: StoreError | None = None) -> None:
        """The next commit stores nothing and raises this."""
        self._failure = error or StoreError("the store was told to fail; nothing was stored")

    def stop_next(self, point: Point) -> Stop:
        """The next commit stands still at this point until it is told to go on."""
        self._stop = Stop(point)
        return self._stop

    def reopened(self) -> "MemoryStore":
        """What a new daemon would find: the stored rows, and nothing of what was under way."""
        other = MemoryStore()
        other._tables = self._tables.copy()
        return other

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        """Store a batch; stored when it returns."""
        self._check_open()
        async with self._turn:
            stop, self._stop = self._stop, None
            await _stand(stop, Point.BEFORE)
            failure, self._failure = self._failure, None
            if failure is not None:
                raise failure
            tables = self._tables.copy()
            try:
                rows = apply(tables, batch)
            except (TypeError, ValueError, OverflowError, AttributeError, LookupError) as error:
                raise BatchError(f"the batch holds what cannot be stored ({error})") from error
            self._tables = tables
            self.batches.append(batch)
            if rows:
                self._told(rows[-1].seq, rows[-1].ts)
            await _stand(stop, Point.AFTER)
            return rows

    async def forget(self, messages: float, events: float) -> int:
        """Let go of what ended before these times (Unix seconds), all at once; how many rows went."""
        async with self._turn:
            tables = self._seen().copy()
            went = forget(tables, messages, events)
            self._tables = tables
            return went

    async def give_back(self) -> bool:
        """Memory has no file."""
        return False

    def log_held(self) -> float:
        """Memory has no log."""
        return 0.0

    async def attachments(self) -> frozenset[str]:
        """The paths of all files that go with a message."""
        return frozenset(path for message in self._seen().messages.values() for path in message.attachments)

    async def close(self) -> None:
        """Take no more batches."""
        async with self._turn:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError

    def _seen(self) -> Tables:
        self._check_open()
        return self._tables

    async def load(self) -> Loaded:
        """Everything unfinished."""
        intents = sorted(self._seen().intents.values(), key=lambda intent: (intent.at, intent.key))
        return Loaded(
            tuple(await self.peers()), tuple(intents), SCHEMA, tuple(_by_age(self._seen().watches.values()))
        )

    async def peers(self) -> list[PeerState]:
        """All peers by name."""
        tables = self._seen()
        return [
            PeerState.of(
                peer,
                (session for session in tables.live.values() if session.peer == name),
                tuple(unfinished(tables, name)),
            )
            for name, peer in sorted(tables.peers.items())
        ]

    async def resolve(self, prefix: str) -> str | None:
        """The whole message id of a prefix."""
        ids = self._seen().messages
        if prefix in ids:
            return prefix
        if len(prefix) < PREFIX_LEAST:
            return None
        found = [each for each in ids if each.startswith(prefix.lower())]
        if len(found) > 1:
            raise AmbiguousIdError(f"several messages have ids that begin with '{prefix}'; give more digits")
        return found[0] if found else None

    async def message(self, message_id: str) -> StoredMessage | None:
        """One message with its story."""
        tables = self._seen()
        whole = await self.resolve(message_id)
        if whole is None:
            return None
        replies = (m for m in tables.messages.values() if m.reply_to == whole and m.notice is None)
        return StoredMessage(tables.messages[whole], tables.attempts.get(whole, ()), tuple(replies))

    async def sent_during(self, message_id: str) -> list[Message]:
        """The messages that were sent in the turns of this one."""
        every = self._seen().messages.values()
        return [each for each in every if each.origin is not None and each.origin.during == message_id]

    async def parties(self, topic: str) -> dict[str, float]:
        """Who sent or was sent messages of this topic, and when the latest."""
        found: dict[str, float] = {}
        for each in self._seen().messages.values():
            if each.topic == topic and each.notice is None:
                for name in (each.sender, each.to):
                    found[name] = max(found.get(name, each.created_at), each.created_at)
        return found

    async def messages(self, wanted: Wanted = ANY, limit: int = 200) -> list[Message]:
        """The newest messages, newest last."""
        return _last(
            self._seen().messages.values(),
            lambda m: is_wanted(m, wanted, self._seen().bodies.get(m.id, b"")),
            limit,
        )

    async def heads(self, message_ids: Collection[str]) -> dict[str, str]:
        """How the bodies of these messages begin."""
        bodies = self._seen().bodies
        return {each: head(bodies[each]) for each in message_ids if each in bodies}

    async def body(self, message_id: str) -> bytes | None:
        """The body of a message."""
        return self._seen().bodies.get(message_id)

    async def inbox(
        self, peer: str, since: float | None = None, *, read: bool = False
    ) -> list[tuple[Message, bytes]]:
        """The unread messages of a mailbox, or all of them."""
        tables = self._seen()
        every = [m for m in tables.messages.values() if m.to == peer and m.created_at >= (since or 0.0)]
        return [(m, tables.bodies[m.id]) for m in (every if read else unfinished(tables, peer))]

    async def events(self, after: int = 0, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """Journal events with a number above `after`."""
        rows = self._seen().journal.values()
        return [row for row in rows if row.seq > after and peer in (None, row.peer)][:limit]

    async def events_before(self, seq: int, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """The newest journal events with a number below `seq`."""
        rows = [row for row in self._seen().journal.values() if row.seq < seq and peer in (None, row.peer)]
        return rows[max(len(rows) - limit, 0) :]

    async def last_seq(self) -> int:
        """The number of the newest journal event."""
        return max(self._seen().journal, default=0)

    async def deaths(self, peer: str | None = None, limit: int = 100) -> list[Death]:
        """The newest deaths, newest last."""
        return _last(self._seen().deaths.values(), lambda death: peer in (None, death.peer), limit)

    async def token(self, token_hash: str) -> tuple[str, str] | None:
        """The live session and the peer that a token belongs to."""
        token = self._seen().tokens.get(token_hash)
        return None if token is None else (token.session, token.peer)

    async def closed(self, sessions: Collection[str]) -> frozenset[str]:
        """Which of these sessions this store has closed."""
        told = {row.session for row in self._seen().journal.values() if row.kind == "stopped"}
        return frozenset(each for each in sessions if each in self._seen().ended or each in told)

    async def removed(self, names: Collection[str]) -> frozenset[str]:
        """Which of these names are of peers that this store has removed."""
        return frozenset(
            row.peer for row in self._seen().journal.values() if row.kind == "removed" and row.peer in names
        )

    async def back_up(self, target: Path) -> Copied:
        """There are no files to copy."""
        raise RefusedError(f"a store in memory cannot be copied to {target}")

    @staticmethod
    def unfit() -> StoreError | None:
        """Nobody can move what is in memory."""
        return None

    @staticmethod
    def failing() -> StoreError | None:
        """Memory does not fill up."""
        return None

    @staticmethod
    def unreadable() -> list[str]:
        """Memory has no rows of another version."""
        return []

    def follow(self, told: Callable[[int, float], None]) -> None:
        """Have `told` called after each commit and before it is acknowledged."""
        self._told = told

    async def meta(self, key: str) -> str | None:
        """One value of the store's own settings."""
        return self._seen().meta.get(key)

    async def schema(self) -> int:
        """The version that the tables on disk would have."""
        self._check_open()
        return SCHEMA

    async def counts(self) -> Counts:
        """How much there is."""
        tables = self._seen()
        queued = sum(1 for message in tables.messages.values() if message.state is MessageState.QUEUED)
        return Counts(len(tables.peers), len(tables.live), queued)


def _by_age(watches: Iterable[Watch]) -> list[Watch]:
    return sorted(watches, key=lambda watch: watch.id)


async def _stand(stop: Stop | None, point: Point) -> None:
    if stop is not None and stop.point is point:
        stop.reached.set()
        await stop.go.wait()


def _last(values: Iterable[T], wanted: Callable[[T], bool], limit: int) -> list[T]:
    found = [value for value in values if wanted(value)]
    return found[max(len(found) - limit, 0) :]
