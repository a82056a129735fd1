"""Reading the store, also while no daemon runs. Never changes anything (L5); light to import."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 -- statements are put together from constants of this package only

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import apsw

from roost.core.vocabulary.limits import PREFIX_LEAST
from roost.core.vocabulary.message import FINAL, Message, MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Death, Session
from roost.store import rows
from roost.store.backup import back_up
from roost.store.codec import to_text
from roost.store.database import open_for_reading, schema_of
from roost.store.errors import AmbiguousIdError, BrokenRowError, explain
from roost.store.records import ANY, Copied, Counts, Intent, JournalRow, Loaded, StoredMessage, Wanted, head
from roost.store.retention import Past, find_past

P = ParamSpec("P")
T = TypeVar("T")

_PART = 256
"""Rows that are decoded at once."""
_TOLD = 100
"""Rows that cannot be read, of which is told."""
# SQLite uses the partial index only for its own words, and untold prefers the one of all messages.
_QUEUE = "messages INDEXED BY messages_unfinished"
_UNFINISHED = "state IN ('queued', 'offered', 'accepted', 'unknown')"
_FAILED = "messages INDEXED BY messages_undone"
_UNDONE = "state IN ('expired', 'refused', 'dead-letter')"
# `lower` knows the letters of ASCII alone, and leaves the bytes of all others as they are.
_HOLDS = (
    "(instr(CAST(lower(topic) AS BLOB), CAST(lower(?) AS BLOB)) OR EXISTS (SELECT 1 FROM bodies"
    " WHERE bodies.seq = messages.seq AND instr(CAST(lower(body) AS BLOB), CAST(lower(?) AS BLOB))))"
)


def _explained(
    method: "Callable[Concatenate[Reader, P], T]",
) -> "Callable[Concatenate[Reader, P], T]":
    @wraps(method)
    def wrapper(self: "Reader", /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except apsw.Error as error:
            raise explain(error, str(self.path)) from error

    return wrapper


class Reader:
    """One reading connection; use it from one thread at a time. Every method raises StoreError."""

    def __init__(self, path: Path) -> None:
        """Open the store at `path`. Raises StoreMissingError, StoreVersionError, StoreError."""
        self.path = path
        self.unreadable: dict[str, None] = {}
        """Rows that were left out because they cannot be read, as sentences in the order they were met."""
        self._connection = open_for_reading(path)

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()

    @contextmanager
    def _moment(self) -> Generator[None]:
        """Several queries see the store as it was at one moment."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:  # not after some errors, as of a damaged page
                self._connection.execute("ROLLBACK")

    @_explained
    def load(self) -> Loaded:
        """All that a starting daemon needs."""
        with self._moment():
            return Loaded(tuple(self._peers(None)), tuple(self._intents()), schema_of(self._connection))

    @_explained
    def peers(self, *, readable: bool = False) -> list[PeerState]:
        """All peers by name, with live sessions and unfinished messages in the order of their arrival.

        `readable`: those of them that can be read.
        """
        with self._moment():
            return self._peers(self._left_out if readable else None)

    def _left_out(self, broken: BrokenRowError) -> None:
        if len(self.unreadable) < _TOLD:
            self.unreadable[broken.message] = None

    def _each(self, found: Iterable[Any], read: Callable[[Any], T]) -> Iterator[T]:
        """All rows that can be read: one that cannot hides no other."""
        for row in found:
            try:
                value = read(row)
            except BrokenRowError as error:
                self._left_out(error)
            else:
                yield value

    def _peers(self, broken: rows.Broken | None) -> list[PeerState]:
        sessions: defaultdict[str, list[Session]] = defaultdict(list)
        for part in self._parts("SELECT id, data FROM sessions WHERE ended_at IS NULL"):
            for session in rows.read_sessions(part, broken):
                sessions[session.peer].append(session)
        queues: defaultdict[str, list[Message]] = defaultdict(list)
        waiting = self._rows(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM {_QUEUE} WHERE {_UNFINISHED} ORDER BY recipient, seq"
        )
        for message in self._each(waiting, rows.read_message):
            queues[message.to].append(message)
        return [
            PeerState.of(peer, sessions.get(peer.name, ()), tuple(queues.get(peer.name, ())))
            for part in self._parts("SELECT name, data FROM peers ORDER BY name")
            for peer in rows.read_peers(part, broken)
        ]

    def _intents(self) -> list[Intent]:
        found = self._rows(f"SELECT {rows.INTENT_COLUMNS} FROM intents ORDER BY at, key")
        return list(self._each(found, rows.read_intent))

    @_explained
    def resolve(self, prefix: str) -> str | None:
        """The whole message id of a prefix of at least 4 digits; AmbiguousIdError when there are several."""
        if self._row("SELECT 1 FROM messages WHERE id = ?", prefix) is not None:
            return prefix
        if len(prefix) < PREFIX_LEAST:
            return None
        digits = prefix.lower()
        found = self._rows("SELECT id FROM messages WHERE id >= ?1 AND id < ?1 || '~' LIMIT 2", (digits,))
        if len(found) > 1:
            raise AmbiguousIdError(f"several messages have ids that begin with '{prefix}'; give more digits")
        return found[0][0] if found else None

    @_explained
    def message(self, message_id: str) -> StoredMessage | None:
        """One message with its story, by id or prefix as `resolve` takes it."""
        with self._moment():
            whole = self.resolve(message_id)
            row = self._row(f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id = ?", whole)
            if row is None:
                return None
            attempts = self._rows(
                "SELECT n, at, session, outcome, why FROM attempts WHERE message = ? ORDER BY n", (whole,)
            )
            replies = self._rows(
                f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE reply_to = ? AND notice IS NULL"
                " ORDER BY seq",
                (whole,),
            )
            return StoredMessage(
                rows.read_message(row),
                tuple(rows.read_attempt(each) for each in attempts),
                tuple(self._each(replies, rows.read_message)),
            )

    @_explained
    def messages(self, wanted: Wanted = ANY, limit: int = 200) -> list[Message]:
        """The newest messages that are wanted; newest last."""
        text = None if wanted.text is None else wanted.text.encode()
        asked = {
            "recipient = ?": wanted.to,
            "state = ?": None if wanted.state is None else str(wanted.state),
            "sender = ?": wanted.sender,
            "topic = ?": wanted.topic,
            "created_at >= ?": wanted.since,
            _HOLDS: text,
        }
        given = {clause: value for clause, value in asked.items() if value is not None}
        clauses, values = list(given), list(given.values())
        if text is not None:
            values.append(text)  # _HOLDS takes it twice, and is the last
        table = "messages"
        if wanted.state is not None and wanted.state not in FINAL:
            table = _QUEUE
            clauses.append(_UNFINISHED)
        elif wanted.state is not None and wanted.state is not MessageState.DONE:
            table = _FAILED
            clauses.append(_UNDONE)
        found = self._rows(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM {table} WHERE {' AND '.join(clauses) or 'true'}"
            " ORDER BY seq DESC LIMIT ?",
            (*values, limit),
        )
        return list(self._each(reversed(found), rows.read_message))

    @_explained
    def heads(self, message_ids: Collection[str]) -> dict[str, str]:
        """How the bodies of these messages begin, in one line of at most 120 characters each."""
        found = self._rows(
            "SELECT id, substr(body, 1, 960) FROM messages JOIN bodies USING (seq)"
            " WHERE id IN (SELECT value FROM json_each(?))",
            (to_text(sorted(message_ids)),),
        )
        return {row[0]: head(row[1] or b"") for row in found}

    @_explained
    def body(self, message_id: str) -> bytes | None:
        """The body of a message, by its whole id; None when there is no such message."""
        return self._value(
            "SELECT body FROM bodies WHERE seq = (SELECT seq FROM messages WHERE id = ?)", message_id
        )

    @_explained
    def inbox(
        self, peer: str, since: float | None = None, *, read: bool = False
    ) -> list[tuple[Message, bytes]]:
        """The unread messages of a mailbox with their bodies, oldest first; `read`: all that came `since`."""
        table, which = ("messages", "created_at >= ?") if read else (_QUEUE, f"{_UNFINISHED} AND ?")
        found = self._rows(
            f"SELECT body, {rows.MESSAGE_COLUMNS} FROM {table} JOIN bodies USING (seq)"
            f" WHERE recipient = ? AND {which} ORDER BY seq",
            (peer, (since or 0.0) if read else 1),
        )
        return list(self._each(found, lambda row: (rows.read_message(row[1:]), row[0])))

    @_explained
    def events(self, after: int = 0, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """Journal events with a number above `after`, in order."""
        clause, values = ("", ()) if peer is None else (" AND peer = ?", (peer,))
        found = self._rows(
            f"SELECT {rows.JOURNAL_COLUMNS} FROM journal WHERE seq > ?{clause} ORDER BY seq LIMIT ?",
            (after, *values, limit),
        )
        return [rows.read_journal(row) for row in found]

    @_explained
    def last_seq(self) -> int:
        """The number of the newest journal event; 0 when there is none."""
        return self._value("SELECT coalesce(max(seq), 0) FROM journal")

    @_explained
    def deaths(self, peer: str | None = None, limit: int = 100) -> list[Death]:
        """The newest deaths, newest last."""
        clause, values = ("", ()) if peer is None else ("WHERE peer = ? ", (peer,))
        found = self._rows(
            f"SELECT {rows.DEATH_COLUMNS} FROM deaths {clause}ORDER BY seq DESC LIMIT ?", (*values, limit)
        )
        return list(self._each(reversed(found), rows.read_death))

    @_explained
    def token(self, token_hash: str) -> tuple[str, str] | None:
        """The live session and the peer that a token belongs to."""
        return self._row("SELECT session, peer FROM tokens WHERE hash = ?", token_hash)

    @_explained
    def closed(self, sessions: Collection[str]) -> frozenset[str]:
        """Which of these sessions this store has closed: by their row, or by what it wrote at their end."""
        asked = to_text(sorted(sessions))
        found = self._rows(
            "SELECT id FROM sessions WHERE ended_at IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
            (asked,),
        )
        closed = {row[0] for row in found}
        if closed != set(sessions):  # those of removed peers: only the journal tells of them
            found = self._rows(
                "SELECT DISTINCT session FROM journal WHERE kind = 'stopped'"
                " AND session IN (SELECT value FROM json_each(?))",
                (asked,),
            )
            closed.update(row[0] for row in found)
        return frozenset(closed)

    @_explained
    def removed(self, names: Collection[str]) -> frozenset[str]:
        """Which of these names are of peers that this store has removed."""
        found = self._rows(
            "SELECT DISTINCT peer FROM journal WHERE kind = 'removed'"
            " AND peer IN (SELECT value FROM json_each(?))",
            (to_text(sorted(names)),),
        )
        return frozenset(row[0] for row in found)

    @_explained
    def past(self, messages: float, events: float) -> Past:
        """The oldest rows that may go: messages and events that ended before these times (Unix seconds)."""
        return find_past(self._connection, messages, events)

    @_explained
    def attachments(self) -> frozenset[str]:
        """The paths of all files that go with a message. Raises BrokenRowError: nobody knows all of them."""
        found = self._rows("SELECT id, attachments FROM messages WHERE attachments IS NOT NULL")
        return frozenset(path for row in found for path in rows.read_attachments(*row))

    @_explained
    def meta(self, key: str) -> str | None:
        """One value of the store's own settings."""
        return self._value("SELECT value FROM meta WHERE key = ?", key)

    @_explained
    def schema(self) -> int:
        """The version of the tables."""
        return schema_of(self._connection)

    @_explained
    def counts(self) -> Counts:
        """How much there is."""
        row = self._row(
            "SELECT (SELECT count(*) FROM peers), (SELECT count(*) FROM sessions WHERE ended_at IS NULL),"
            f" (SELECT count(*) FROM {_QUEUE} WHERE state = 'queued' AND {_UNFINISHED})"
        )
        assert row is not None  # noqa: S101 -- a SELECT without FROM has one row
        return Counts(*row)

    @_explained
    def back_up(self, target: Path) -> Copied:
        """Copy the whole store, as it is at this moment, into a new file. Raises RefusedError, OSError."""
        return back_up(self._connection, target)

    @_explained
    def check(self) -> list[str]:
        """What is damaged, in SQLite's words; reads the whole file. Empty when all is well."""
        found = [str(row[0]) for row in self._rows("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return cast("list[Any]", self._connection.execute(statement, values).fetchall())
        except UnicodeDecodeError:
            return list(self._decodable(statement, values))

    def _decodable(self, statement: str, values: Sequence[Any]) -> Iterator[Any]:
        """The rows whose texts are UTF-8, as SQLite does not see to: apsw 3.54 goes on behind such a row."""
        cursor = self._connection.execute(statement, values)
        while True:
            try:
                yield next(cursor)
            except StopIteration:
                return
            except UnicodeDecodeError as error:
                why = f"a row cannot be read from the store: {error}; it is damaged, or was changed by hand"
                self._left_out(BrokenRowError(why))

    def _parts(self, statement: str) -> Iterator[list[Any]]:
        """All rows, so many at a time that the texts of thousands are never in memory at once."""
        cursor = self._connection.execute(statement)
        while part := list(islice(cursor, _PART)):
            yield part

    def _row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:  # noqa: ANN401 -- SQL values
        found = self._rows(statement, values)
        return found[0] if found else None

    def _value(self, statement: str, *values: Any) -> Any:  # noqa: ANN401 -- SQL values
        row = self._row(statement, *values)
        return None if row is None else row[0]
