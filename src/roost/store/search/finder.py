"""Finding messages and events that hold words, the newest first: by the index, and without it where it lacks.

Also while no daemon runs: nothing is ever written.
"""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 -- statements are put together from constants of this package only

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import apsw
from msgspec import Struct

from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer
from roost.store import rows
from roost.store.codec import to_text
from roost.store.database import open_read_only
from roost.store.errors import StoreError
from roost.store.peer_reader import PeerReader
from roost.store.reading import explained
from roost.store.records import JournalRow, Wanted
from roost.store.search.index import Marks
from roost.store.search.matcher import Matcher, Snippet
from roost.store.search.rows import EVENTS, MESSAGES, Kind, texts

T = TypeVar("T")
STEP = 200
"""Rows that are looked at together."""


class Found(Struct, Generic[T]):
    """What was found, the newest first. `until`: the row where it was given up; None: nowhere."""

    rows: list[tuple[T, Snippet]]
    until: int | None = None


class Finder(PeerReader):
    """Searches one store. Every method raises StoreError."""

    def __init__(self, database: Path, index: Path) -> None:
        """Open the store, and the index where there is one that fits. Raises StoreError."""
        super().__init__(database)
        self._index: apsw.Connection | None = None
        self._marks: Marks | None = None
        if index.exists():
            try:
                self._index = open_read_only(index)
                self._marks = Marks(self._index, self._connection)
            except (apsw.Error, StoreError, ValueError, TypeError):
                self._forget_index()

    def close(self) -> None:
        """Let go of the files."""
        self._forget_index()
        super().close()

    def _forget_index(self) -> None:
        self._marks = None
        if self._index is not None:
            self._index.close()
            self._index = None

    @explained
    def messages(
        self, matcher: Matcher, wanted: Wanted, peer: str | None, limit: int, seconds: float
    ) -> Found[Message]:
        """Messages that hold it; `peer`: from or to that one."""
        clauses = {
            "recipient = ?": wanted.to,
            "sender = ?": wanted.sender,
            "state = ?": None if wanted.state is None else str(wanted.state),
            "topic = ?": wanted.topic,
            "created_at >= ?": wanted.since,
            "? IN (sender, recipient)": peer,
        }
        columns = f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE seq = ?"
        return self._find(MESSAGES, matcher, clauses, limit, seconds, lambda seq: self._one(columns, seq))

    @explained
    def events(
        self, matcher: Matcher, since: float | None, peer: str | None, limit: int, seconds: float
    ) -> Found[JournalRow]:
        """Events that hold it."""
        clauses = {"ts >= ?": since, "peer = ?": peer}
        columns = f"SELECT {rows.JOURNAL_COLUMNS} FROM journal WHERE seq = ?"
        return self._find(
            EVENTS,
            matcher,
            clauses,
            limit,
            seconds,
            lambda seq: rows.read_journal(self._row(columns, seq) or ()),
        )

    @explained
    def conversations(self, peer: str | None, since: float | None) -> list[tuple[Peer, str]]:
        """All conversations that are known, each with its peer; those that went on last come first."""
        peers = {state.peer.name: state.peer for state in self.peers(readable=True)}
        found = self._rows(
            "SELECT peer, conversation, max(coalesce(ended_at, 1e18)) AS latest FROM sessions"
            " WHERE conversation IS NOT NULL AND peer = coalesce(?, peer) GROUP BY peer, conversation"
            " HAVING latest >= ? ORDER BY latest DESC, max(started_at) DESC",
            (peer, since or 0.0),
        )
        return [(peers[name], conversation) for name, conversation, _ in found if name in peers]

    def _one(self, columns: str, seq: int) -> Message | None:
        row = self._row(columns, seq)
        return next(self._each([row], rows.read_message), None) if row is not None else None

    def _find(
        self,
        kind: Kind,
        matcher: Matcher,
        clauses: Mapping[str, object],
        limit: int,
        seconds: float,
        read: Callable[[int], T | None],
    ) -> Found[T]:
        given = {clause: value for clause, value in clauses.items() if value is not None}
        where = " AND ".join(["seq IN (SELECT value FROM json_each(?))", *given])
        found = Found[T]([])
        deadline = time.monotonic() + seconds
        for part in self._candidates(kind, matcher):
            rows_ = self._rows(f"{kind.rows} WHERE {where}", (to_text(part), *given.values()))
            held = matcher.find(texts(kind, rows_))
            for seq in sorted(held, reverse=True):
                value = read(seq)
                if value is not None:
                    found.rows.append((value, held[seq]))
                if len(found.rows) == limit:
                    return found
            if time.monotonic() > deadline:
                found.until = part[-1]
                return found
        return found

    def _candidates(self, kind: Kind, matcher: Matcher) -> Iterator[Sequence[int]]:
        """Numbers of rows that may hold it, the newest first."""
        indexed = self._marks.up_to(kind) if self._marks is not None else 0
        last: int = self._value(f"SELECT coalesce(max(seq), 0) FROM {kind.table}") + 1
        while last > indexed + 1:
            found = self._rows(
                f"SELECT seq FROM {kind.table} WHERE seq < ? AND seq > ? ORDER BY seq DESC LIMIT {STEP}",
                (last, indexed),
            )
            if not found:
                break
            last = found[-1][0]
            yield [row[0] for row in found]
        if self._index is not None and indexed:
            yield from self._named(kind, matcher, indexed)

    def _named(self, kind: Kind, matcher: Matcher, indexed: int) -> Iterator[Sequence[int]]:
        """Numbers that the index names; all where it is damaged."""
        last = indexed + 1
        while True:
            found: list[Any]
            try:
                assert self._index is not None  # noqa: S101 -- asked by the caller
                named: Any = self._index.execute(
                    f"SELECT rowid FROM {kind.table} WHERE {kind.table} MATCH ? AND rowid < ?"
                    f" ORDER BY rowid DESC LIMIT {STEP}",
                    (matcher.expression, last),
                )
                found = named.fetchall()
            except apsw.Error:
                found = self._rows(
                    f"SELECT seq FROM {kind.table} WHERE seq < ? ORDER BY seq DESC LIMIT {STEP}", (last,)
                )
            if not found:
                return
            last = found[-1][0]
            yield [row[0] for row in found]
