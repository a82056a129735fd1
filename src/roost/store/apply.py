"""One batch as SQL. The caller holds the transaction."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 -- statements are put together from constants of this package only

import apsw

from roost.core import commands as c
from roost.core.message import Message
from roost.core.session import Death, Session
from roost.store import rows
from roost.store.arrange import arranged, renamed
from roost.store.codec import to_text
from roost.store.errors import BatchError, DuplicateMessageError
from roost.store.interfaces import Batch, JournalRow

_SAVE_PEER = """
INSERT INTO peers (name, runtime, stopped, created_at, data) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET runtime = excluded.runtime, stopped = excluded.stopped, data = excluded.data
"""
_SAVE_SESSION = """
INSERT INTO sessions (id, peer, generation, state, conversation, started_at, pooled, data)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE
SET state = excluded.state, conversation = excluded.conversation, pooled = excluded.pooled,
    data = excluded.data
WHERE ended_at IS NULL
"""
_END_SESSION = """
UPDATE sessions SET ended_at = ?, state = 'ended' WHERE id = ? AND generation = ? AND ended_at IS NULL
"""
_INSERT_DEATH = f"INSERT INTO deaths ({rows.DEATH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_MESSAGE = f"INSERT INTO messages ({rows.MESSAGE_COLUMNS}) VALUES ({', '.join('?' * 21)})"
_INSERT_BODY = "INSERT INTO bodies (seq, body) VALUES (?, ?)"
# What never changes is left out: setting an indexed column writes its index again, even to the same value.
_UPDATE_MESSAGE = """
UPDATE messages SET state = ?, why = ?, expires_at = ?, not_before = ?, accepted_at = ?, done_at = ?,
    session = ?, attempts = ?, cut = ?, redriven = ?
WHERE id = ?
"""
_INSERT_ATTEMPT = """
INSERT INTO attempts (message, n, at, session, outcome, why)
SELECT ?1, coalesce(max(n), 0) + 1, ?2, ?3, ?4, ?5 FROM attempts WHERE message = ?1
"""
_INSERT_JOURNAL = """
INSERT INTO journal (ts, kind, peer, session, message, cause, data) VALUES (?, ?, ?, ?, ?, ?, ?)
"""
_SAVE_INTENT = f"INSERT OR REPLACE INTO intents ({rows.INTENT_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)"
_SAVE_HASH = "INSERT OR REPLACE INTO tokens (hash, session, peer, at) VALUES (?, ?, ?, ?)"
_SAVE_META = "INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)"
# In this order: what refers to a row goes before it. Bodies and attempts go with their messages.
_PURGE = (
    "DELETE FROM tokens WHERE peer = ?",
    "DELETE FROM intents WHERE peer = ?",
    "DELETE FROM deaths WHERE peer = ?",
    "DELETE FROM sessions WHERE peer = ?",
    "DELETE FROM messages WHERE recipient = ?",
    "DELETE FROM peers WHERE name = ?",
)


# Rows that refer to the peer's row move after it; whether they fit is checked at the end of the transaction.
_RENAME = (
    "PRAGMA defer_foreign_keys = 1",
    "UPDATE peers SET name = :new, data = json_set(data, '$.name', :new) WHERE name = :old",
    "UPDATE sessions SET peer = :new, data = json_set(data, '$.peer', :new) WHERE peer = :old",
    "UPDATE deaths SET peer = :new WHERE peer = :old",
    "UPDATE messages SET recipient = :new WHERE recipient = :old",
    "UPDATE messages SET sender = :new WHERE sender = :old AND created_at >= :since",
    "UPDATE journal SET peer = :new WHERE peer = :old AND ts >= :since",
    "UPDATE intents SET peer = :new WHERE peer = :old",
    "UPDATE tokens SET peer = :new WHERE peer = :old",
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
        for change in arranged(batch.changes):
            self._change(change, batch.at, bodies)
        if batch.settled:
            cursor.executemany("DELETE FROM intents WHERE key = ?", [(key,) for key in batch.settled])
        for intent in batch.intents:
            cursor.execute(_SAVE_INTENT, rows.intent_row(intent))
        for token in batch.tokens:
            cursor.execute(_SAVE_HASH, (token.hash, token.session, token.peer, batch.at))
        if batch.meta:
            cursor.executemany(_SAVE_META, batch.meta.items())
        return tuple(self._journal(entry, batch.at) for entry in batch.journal)

    def _change(self, change: c.Change, at: float, bodies: dict[str, bytes]) -> None:
        match change:
            case c.SaveMessage(message):
                self._message(message, bodies)
            case c.SaveAttempt(message_id, session, outcome, why):
                self._cursor.execute(_INSERT_ATTEMPT, (message_id, at, session, outcome, why))
            case c.SavePeer(peer):
                self._cursor.execute(_SAVE_PEER, rows.peer_row(peer))
            case c.SaveSession(session):
                self._session(session)
            case c.CloseSession(death):
                self._close(death)
            case c.Rename(old, new, since):
                for statement in _RENAME:
                    self._cursor.execute(statement, {"old": old, "new": new, "since": since})
            case c.Purge(peer):
                for statement in _PURGE:
                    self._cursor.execute(statement, (peer,))

    def _message(self, message: Message, bodies: dict[str, bytes]) -> None:
        row = rows.message_row(message)
        body = bodies.pop(message.id, None)
        if body is None:
            self._cursor.execute(_UPDATE_MESSAGE, (*row[7:17], message.id))
            if self._connection.changes():
                return
            body = b""
        if len(body) != message.size:
            raise BatchError(
                f"message {message.id} is of {message.size} bytes and came with {len(body)};"
                " nothing was stored"
            )
        try:
            self._cursor.execute(_INSERT_MESSAGE, row)
        except apsw.ConstraintError as error:
            if "messages.id" in str(error):
                raise DuplicateMessageError(
                    f"message {message.id} is stored already; nothing was stored"
                ) from error
            raise
        self._cursor.execute(_INSERT_BODY, (self._connection.last_insert_rowid(), body))

    def _session(self, session: Session) -> None:
        self._cursor.execute(_SAVE_SESSION, rows.session_row(session))
        if not self._connection.changes():
            raise BatchError(f"session {session.id} has ended and cannot live again; nothing was stored")

    def _close(self, death: Death) -> None:
        self._cursor.execute(_END_SESSION, (death.at, death.session, death.generation))
        if not self._connection.changes():
            raise BatchError(f"there is no live session {death.session} that could end; nothing was stored")
        self._cursor.execute(_INSERT_DEATH, rows.death_row(death))
        self._cursor.execute("DELETE FROM tokens WHERE session = ?", (death.session,))

    def _journal(self, entry: c.Journal, at: float) -> JournalRow:
        data = to_text(entry.data) if entry.data else "{}"
        self._cursor.execute(
            _INSERT_JOURNAL, (at, entry.kind, entry.peer, entry.session, entry.message, entry.cause, data)
        )
        seq = self._connection.last_insert_rowid()
        return JournalRow(
            seq, at, entry.kind, entry.peer, entry.session, entry.message, entry.cause, entry.data
        )
