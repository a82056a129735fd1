"""The store's twin: the same promises in dictionaries, without threads, for tests of what stands on it."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TypeVar

from roost.core import commands as c
from roost.core.message import Message, MessageState
from roost.core.peer import Peer, PeerState
from roost.core.session import Death, Session
from roost.errors import StoreError
from roost.store.arrange import arranged
from roost.store.codec import to_text
from roost.store.database import SCHEMA
from roost.store.errors import AmbiguousIdError, BatchError, DuplicateMessageError, StoreClosedError
from roost.store.interfaces import Batch, Token
from roost.store.reader import PREFIX_LEAST
from roost.store.records import Attempt, Counts, Intent, JournalRow, Loaded, StoredMessage

T = TypeVar("T")


class Point(StrEnum):
    """Where a commit can be stopped: before anything is stored, or stored but not yet acknowledged."""

    BEFORE = "before"
    AFTER = "after"


@dataclass(slots=True)
class Stop:
    """A commit that stands still: wait for `reached`, look around, then set `go`."""

    point: Point
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    go: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Tables:
    """All rows, in the order of their arrival."""

    peers: dict[str, Peer] = field(default_factory=dict[str, Peer])
    live: dict[str, Session] = field(default_factory=dict[str, Session])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    deaths: dict[str, Death] = field(default_factory=dict[str, Death])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    bodies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    attempts: dict[str, tuple[Attempt, ...]] = field(default_factory=dict[str, tuple[Attempt, ...]])
    journal: dict[int, JournalRow] = field(default_factory=dict[int, JournalRow])
    intents: dict[str, Intent] = field(default_factory=dict[str, Intent])
    tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    meta: dict[str, str] = field(default_factory=dict[str, str])

    def copy(self) -> "_Tables":
        return _Tables(**{each.name: dict(getattr(self, each.name)) for each in fields(self)})


class MemoryStore:
    """A Store in memory. `fail_next` and `stop_next` make the next commit fail or stand still."""

    def __init__(self) -> None:
        """Begin empty."""
        self._tables = _Tables()
        self._turn = asyncio.Lock()
        self._failure: StoreError | None = None
        self._stop: Stop | None = None
        self._closed = False
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
                rows = _apply(tables, batch)
            except (TypeError, ValueError, OverflowError, AttributeError, LookupError) as error:
                raise BatchError(f"the batch holds what cannot be stored ({error})") from error
            self._tables = tables
            self.batches.append(batch)
            await _stand(stop, Point.AFTER)
            return rows

    async def close(self) -> None:
        """Take no more batches."""
        async with self._turn:
            self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosedError

    def _seen(self) -> _Tables:
        self._check_open()
        return self._tables

    async def load(self) -> Loaded:
        """Everything unfinished."""
        intents = sorted(self._seen().intents.values(), key=lambda intent: (intent.at, intent.key))
        return Loaded(tuple(await self.peers()), tuple(intents), SCHEMA)

    async def peers(self) -> list[PeerState]:
        """All peers by name."""
        tables = self._seen()
        return [
            PeerState(peer, tables.live.get(name), tuple(_unfinished(tables, name)))
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
        replies = (m.id for m in tables.messages.values() if m.reply_to == whole and m.notice is None)
        return StoredMessage(tables.messages[whole], tables.attempts.get(whole, ()), tuple(replies))

    async def messages(
        self,
        peer: str | None = None,
        state: MessageState | None = None,
        limit: int = 200,
        sender: str | None = None,
    ) -> list[Message]:
        """The newest messages, newest last."""
        return _last(
            self._seen().messages.values(),
            lambda m: peer in (None, m.to) and state in (None, m.state) and sender in (None, m.sender),
            limit,
        )

    async def body(self, message_id: str) -> bytes | None:
        """The body of a message."""
        return self._seen().bodies.get(message_id)

    async def inbox(self, peer: str) -> list[tuple[Message, bytes]]:
        """The unread messages of a mailbox."""
        tables = self._seen()
        return [(message, tables.bodies[message.id]) for message in _unfinished(tables, peer)]

    async def events(self, after: int = 0, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """Journal events with a number above `after`."""
        rows = self._seen().journal.values()
        return [row for row in rows if row.seq > after and peer in (None, row.peer)][:limit]

    async def last_seq(self) -> int:
        """The number of the newest journal event."""
        return len(self._seen().journal)

    async def deaths(self, peer: str | None = None, limit: int = 100) -> list[Death]:
        """The newest deaths, newest last."""
        return _last(self._seen().deaths.values(), lambda death: peer in (None, death.peer), limit)

    async def token(self, token_hash: str) -> tuple[str, str] | None:
        """The live session and the peer that a token belongs to."""
        token = self._seen().tokens.get(token_hash)
        return None if token is None else (token.session, token.peer)

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


async def _stand(stop: Stop | None, point: Point) -> None:
    if stop is not None and stop.point is point:
        stop.reached.set()
        await stop.go.wait()


def _unfinished(tables: _Tables, peer: str) -> Iterable[Message]:
    return (message for message in tables.messages.values() if message.to == peer and not message.final)


def _last(values: Iterable[T], wanted: Callable[[T], bool], limit: int) -> list[T]:
    found = [value for value in values if wanted(value)]
    return found[max(len(found) - limit, 0) :]


def _apply(tables: _Tables, batch: Batch) -> tuple[JournalRow, ...]:
    bodies = dict(batch.bodies)
    for change in arranged(batch.changes):
        _change(tables, change, batch.at, bodies)
    if bodies:
        raise BatchError(f"a body came without its message {next(iter(bodies))}; nothing was stored")
    for key in batch.settled:
        tables.intents.pop(key, None)
    for intent in batch.intents:
        to_text(dict(intent.data))
        tables.intents[intent.key] = intent
    for token in batch.tokens:
        tables.tokens[token.hash] = token
    tables.meta.update(batch.meta)
    return tuple(_journal(tables, entry, batch.at) for entry in batch.journal)


def _journal(tables: _Tables, entry: c.Journal, at: float) -> JournalRow:
    to_text(entry.data)
    row = JournalRow(
        len(tables.journal) + 1,
        at,
        entry.kind,
        entry.peer,
        entry.session,
        entry.message,
        entry.cause,
        entry.data,
    )
    tables.journal[row.seq] = row
    return row


def _change(tables: _Tables, change: c.Change, at: float, bodies: dict[str, bytes]) -> None:
    match change:
        case c.SavePeer(peer):
            tables.peers[peer.name] = peer
        case c.SaveSession(session):
            _session(tables, session)
        case c.CloseSession(death):
            _close(tables, death)
        case c.SaveMessage(message):
            _message(tables, message, bodies)
        case c.SaveAttempt(message_id, session, outcome, why):
            if message_id not in tables.messages:
                raise BatchError(f"an attempt came without its message {message_id}; nothing was stored")
            story = tables.attempts.get(message_id, ())
            tables.attempts[message_id] = (*story, Attempt(len(story) + 1, at, session, outcome, why))
        case c.Purge(peer):
            _purge(tables, peer)


def _session(tables: _Tables, session: Session) -> None:
    if session.peer not in tables.peers:
        raise BatchError(f"session {session.id} came without its peer; nothing was stored")
    if session.id in tables.ended:
        raise BatchError(f"session {session.id} has ended and cannot live again; nothing was stored")
    if session.peer in tables.live and tables.live[session.peer].id != session.id:
        raise BatchError(f"'{session.peer}' has a live session already; nothing was stored")
    tables.live[session.peer] = session


def _close(tables: _Tables, death: Death) -> None:
    live = tables.live.get(death.peer)
    if live is None or live.id != death.session:
        raise BatchError(f"there is no live session {death.session} that could end; nothing was stored")
    del tables.live[death.peer]
    tables.ended[death.session] = death.peer
    tables.deaths[death.session] = death
    tables.tokens = {key: token for key, token in tables.tokens.items() if token.session != death.session}


def _message(tables: _Tables, message: Message, bodies: dict[str, bytes]) -> None:
    body = bodies.pop(message.id, None)
    known = message.id in tables.messages
    if known and body is not None:
        raise DuplicateMessageError(f"message {message.id} is stored already; nothing was stored")
    if not known:
        body = body or b""
        if len(body) != message.size:
            raise BatchError(
                f"message {message.id} is of {message.size} bytes and came with {len(body)};"
                " nothing was stored"
            )
        tables.bodies[message.id] = body
    tables.messages[message.id] = message


def _purge(tables: _Tables, peer: str) -> None:
    gone = {message.id for message in tables.messages.values() if message.to == peer}
    for rows in (tables.messages, tables.bodies, tables.attempts):
        for message_id in gone & rows.keys():
            del rows[message_id]
    tables.peers.pop(peer, None)
    tables.live.pop(peer, None)
    tables.ended = {key: name for key, name in tables.ended.items() if name != peer}
    tables.deaths = {key: death for key, death in tables.deaths.items() if death.peer != peer}
    tables.intents = {key: intent for key, intent in tables.intents.items() if intent.peer != peer}
    tables.tokens = {key: token for key, token in tables.tokens.items() if token.peer != peer}
