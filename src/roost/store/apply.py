"""One batch as SQL. The caller holds the transaction."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 -- statements are put together from constants of this package only

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import apsw

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.session import Death, Session
from roost.store import rows
from roost.store.arrange import arranged, renamed
from roost.store.codec import to_text
from roost.store.errors import BatchError, DuplicateMessageError
from roost.store.interfaces import Batch, JournalRow
from roost.store.statement import Statement

_SAVE_PEERS = Statement(
    "INSERT INTO peers (name, runtime, stopped, created_at, data) VALUES",
    5,
    "ON CONFLICT (name) DO UPDATE"
    " SET runtime = excluded.runtime, stopped = excluded.stopped, data = excluded.data",
)
_SAVE_SESSIONS = Statement(
    "INSERT INTO sessions (id, peer, generation, state, conversation, started_at, pooled, data) VALUES",
    8,
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, conversation = excluded.conversation,"
    " pooled = excluded.pooled, data = excluded.data WHERE ended_at IS NULL",
)
_END_SESSIONS = Statement(
    "UPDATE sessions SET ended_at = column1, state = 'ended' FROM (VALUES",
    3,
    ") WHERE id = column2 AND generation = column3 AND ended_at IS NULL",
    one="UPDATE sessions SET ended_at = ?, state = 'ended'"
    " WHERE id = ? AND generation = ? AND ended_at IS NULL",
)
_INSERT_DEATHS = Statement(f"INSERT INTO deaths ({rows.DEATH_COLUMNS}) VALUES", 12)
_FORGET_TOKENS = Statement(
    "DELETE FROM tokens WHERE session IN (VALUES", 1, ")", one="DELETE FROM tokens WHERE session = ?"
)
_SETTLE_INTENTS = Statement(
    "DELETE FROM intents WHERE key IN (VALUES", 1, ")", one="DELETE FROM intents WHERE key = ?"
)
_INSERT_JOURNAL = Statement("INSERT INTO journal (ts, kind, peer, session, message, cause, data) VALUES", 7)
_INSERT_MESSAGE = f"INSERT INTO messages ({rows.MESSAGE_COLUMNS}) VALUES ({', '.join('?' * 22)})"
_INSERT_BODY = "INSERT INTO bodies (seq, body) VALUES (?, ?)"
# What never changes is left out: setting an indexed column writes its index again, even to the same value.
_UPDATE_MESSAGE = """
UPDATE messages SET state = ?, why = ?, expires_at = ?, not_before = ?, accepted_at = ?, done_at = ?,
    session = ?, attempts = ?, cut = ?, redriven = ?
WHERE id = ?
"""
_INSERT_ATTEMPT = """
INSERT INTO attempts (message, n, at, session, outcome, why)
VALUES (?1, (SELECT coalesce(max(n), 0) + 1 FROM attempts WHERE message = ?1), ?2, ?3, ?4, ?5)
"""
_SAVE_INTENT = f"INSERT OR REPLACE INTO intents ({rows.INTENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SAVE_HASH = "INSERT OR REPLACE INTO tokens (hash, session, peer, at) VALUES (?, ?, ?, ?)"
_ADD_WATCH = "INSERT INTO watches (data, id, watcher, kind, subject) VALUES (?, ?, ?, ?, ?)"
_SAVE_WATCH = "UPDATE watches SET data = ? WHERE id = ?"
_END_WATCH = "DELETE FROM watches WHERE id = ?"
_SAVE_META = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
_NAMED = 3
"""Sessions that are named where one of several cannot be stored."""
# In this order: what refers to a row goes before it. Bodies and attempts go with their messages.
_PURGE = (
    "DELETE FROM tokens WHERE peer = ?",
    "DELETE FROM intents WHERE peer = ?",
    "DELETE FROM watches WHERE watcher = ?",
    "DELETE FROM deaths WHERE peer = ?",
    "DELETE FROM sessions WHERE peer = ?",
    "DELETE FROM messages WHERE recipient = ?",
    "DELETE FROM peers WHERE name = ?",
)


# Rows that refer to the peer's row move after it; whether they fit is checked at the end of the transaction.
_RENAME = (
    "PRAGMA defer_foreign_keys = 1",
    "DELETE FROM peers WHERE name = :new AND runtime = 'remote'",
    *(
        f"DELETE FROM {table} WHERE peer = :new"
        " AND generation IN (SELECT generation FROM sessions WHERE peer = :old)"
        for table in ("deaths", "sessions")
    ),
    "UPDATE peers SET name = :new, data = json_set(data, '$.name', :new) WHERE name = :old",
    "UPDATE sessions SET peer = :new, data = json_set(data, '$.peer', :new) WHERE peer = :old",
    "UPDATE deaths SET peer = :new WHERE peer = :old",
    "UPDATE messages SET recipient = :new WHERE recipient = :old",
    "UPDATE messages SET sender = :new WHERE sender = :old AND created_at >= :since",
    "UPDATE journal SET peer = :new WHERE peer = :old AND ts >= :since",
    "UPDATE intents SET peer = :new WHERE peer = :old",
    "UPDATE tokens SET peer = :new WHERE peer = :old",
    "UPDATE watches SET watcher = :new, data = json_set(data, '$.watcher', :new) WHERE watcher = :old",
    (
        "UPDATE watches SET subject = :new, data = json_set(data, '$.subject', :new)"
        " WHERE subject = :old AND kind IN ('ended', 'idle', 'blocked')"
    ),
)


class Applier:
    """Stores batches through one connection, reusing its prepared statements."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Work on this connection; its transactions are the caller's."""
        self._connection = connection
        self._cursor = connection.cursor()

    def apply(self, batch: Batch) -> tuple[JournalRow, ...]:
        """Store the whole batch.

        Raises apsw.Error, BatchError, or what a value that cannot be stored raises.
        """
        cursor = self._cursor
        batch = renamed(batch)
        bodies = dict(batch.bodies)
        for kind, run in groupby(arranged(batch.changes), type):
            self._changes(kind, list(run), batch.at, bodies)
        if batch.settled:
            _SETTLE_INTENTS.run(cursor, [(key,) for key in batch.settled])
        for intent in batch.intents:
            cursor.execute(_SAVE_INTENT, rows.intent_row(intent))
        for token in batch.tokens:
            cursor.execute(_SAVE_HASH, (token.hash, token.session, token.peer, batch.at))
        if batch.meta:
            cursor.executemany(_SAVE_META, batch.meta.items())
        return self._journal(batch.journal, batch.at)

    def _changes(self, kind: type[c.Change], run: list[Any], at: float, bodies: dict[str, bytes]) -> None:
        """Changes of one kind, in their order; a commit of thousands is of few kinds."""
        if kind is c.SavePeer:
            _SAVE_PEERS.run(self._cursor, [rows.peer_row(change.peer) for change in run])
        elif kind is c.SaveSession:
            self._sessions([change.session for change in run])
        elif kind is c.CloseSession:
            self._close([change.death for change in run])
        elif kind is c.SaveMessage:
            self._messages([change.message for change in run], bodies)
        else:
            for change in run:
                self._change(change, at)

    def _change(self, change: c.SaveAttempt | c.OfWatch | c.Rename | c.Purge, at: float) -> None:
        match change:
            case c.SaveAttempt(message_id, session, outcome, why):
                self._cursor.execute(_INSERT_ATTEMPT, (message_id, at, session, outcome, why))
            case c.AddWatch(watch):
                self._cursor.execute(_ADD_WATCH, rows.watch_row(watch))
            case c.SaveWatch(watch):
                self._cursor.execute(_SAVE_WATCH, rows.watch_row(watch)[:2])
            case c.EndWatch(watch_id):
                self._cursor.execute(_END_WATCH, (watch_id,))
            case c.Rename(old, new, since):
                for statement in _RENAME:
                    self._cursor.execute(statement, {"old": old, "new": new, "since": since})
            case c.Purge(peer):
                for statement in _PURGE:
                    self._cursor.execute(statement, (peer,))

    def _messages(self, messages: Sequence[Message], bodies: dict[str, bytes]) -> None:
        """New messages, which come with their bodies, are stored as many at once as follow each other."""
        new: list[tuple[Message, bytes]] = []
        for message in messages:
            body = bodies.pop(message.id, None)
            if body is not None:
                new.append((message, body))
                continue
            self._insert(new)
            new = []
            self._cursor.execute(_UPDATE_MESSAGE, (*rows.message_row(message)[7:17], message.id))
            if not self._connection.changes():
                self._insert([(message, b"")])
        self._insert(new)

    def _insert(self, new: Sequence[tuple[Message, bytes]]) -> None:
        """They get consecutive numbers: nobody else writes within the transaction."""
        if not new:
            return
        message = new[0][0]

        def each() -> Iterator[rows.Row]:
            nonlocal message
            for message, body in new:
                if len(body) != message.size:
                    raise BatchError(
                        f"message {message.id} is of {message.size} bytes and came with {len(body)};"
                        " nothing was stored"
                    )
                yield rows.message_row(message)

        try:
            self._cursor.executemany(_INSERT_MESSAGE, each())
        except apsw.ConstraintError as error:
            if "messages.id" in str(error):
                raise DuplicateMessageError(
                    f"message {message.id} is stored already; nothing was stored"
                ) from error
            raise
        first = self._connection.last_insert_rowid() - len(new) + 1
        self._cursor.executemany(_INSERT_BODY, enumerate((body for _, body in new), first))

    def _sessions(self, sessions: Sequence[Session]) -> None:
        if _SAVE_SESSIONS.run(self._cursor, list(map(rows.session_row, sessions))) != len(sessions):
            which = _one_of([session.id for session in sessions])
            raise BatchError(f"{which} has ended and cannot live again; nothing was stored")

    def _close(self, deaths: Sequence[Death]) -> None:
        gone = [(death.at, death.session, death.generation) for death in deaths]
        if _END_SESSIONS.run(self._cursor, gone) != len(deaths):
            which = _one_of([death.session for death in deaths])
            raise BatchError(f"{which} does not live and cannot end; nothing was stored")
        _INSERT_DEATHS.run(self._cursor, list(map(rows.death_row, deaths)))
        _FORGET_TOKENS.run(self._cursor, [(death.session,) for death in deaths])

    def _journal(self, entries: Sequence[c.Journal], at: float) -> tuple[JournalRow, ...]:
        """The lines get consecutive numbers: nobody else writes within the transaction."""
        if not entries:
            return ()
        lines = [(at, e.kind, e.peer, e.session, e.message, e.cause, _data(e)) for e in entries]
        _INSERT_JOURNAL.run(self._cursor, lines)
        first = self._connection.last_insert_rowid() - len(entries) + 1
        return tuple(
            JournalRow(seq, at, e.kind, e.peer, e.session, e.message, e.cause, e.data)
            for seq, e in enumerate(entries, first)
        )


def _one_of(sessions: Sequence[str]) -> str:
    if len(sessions) == 1:
        return f"session {sessions[0]}"
    more = "..." if len(sessions) > _NAMED else ""
    return f"one of the sessions {', '.join(sessions[:_NAMED])}{more}"


def _data(entry: c.Journal) -> str:
    return to_text(entry.data) if entry.data else "{}"
