"""Reading the store, also while no daemon runs. Never changes anything (L5); light to import."""

# ruff: noqa: S608 -- statements are put together from constants of this package only

from pathlib import Path

from roost.core.vocabulary.session import Death
from roost.store import rows
from roost.store.backup import back_up
from roost.store.database import schema_of
from roost.store.message_reader import MessageReader
from roost.store.peer_reader import PeerReader
from roost.store.reading import explained
from roost.store.records import Copied, Counts, JournalRow
from roost.store.retention import Past, find_past
from roost.store.unfinished import QUEUE, UNFINISHED


class Reader(MessageReader, PeerReader):
    """All that can be read of a store. Every method raises StoreError."""

    @explained
    def events(self, after: int = 0, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """Journal events with a number above `after`, in order."""
        clause, values = ("", ()) if peer is None else (" AND peer = ?", (peer,))
        found = self._rows(
            f"SELECT {rows.JOURNAL_COLUMNS} FROM journal WHERE seq > ?{clause} ORDER BY seq LIMIT ?",
            (after, *values, limit),
        )
        return [rows.read_journal(row) for row in found]

    @explained
    def events_before(self, seq: int, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """The newest journal events with a number below `seq`, in order."""
        clause, values = ("", ()) if peer is None else (" AND peer = ?", (peer,))
        found = self._rows(
            f"SELECT {rows.JOURNAL_COLUMNS} FROM journal WHERE seq < ?{clause} ORDER BY seq DESC LIMIT ?",
            (seq, *values, limit),
        )
        return [rows.read_journal(row) for row in reversed(found)]

    @explained
    def last_seq(self) -> int:
        """The number of the newest journal event; 0 when there is none."""
        return self._value("SELECT coalesce(max(seq), 0) FROM journal")

    @explained
    def deaths(self, peer: str | None = None, limit: int = 100) -> list[Death]:
        """The newest deaths, newest last."""
        clause, values = ("", ()) if peer is None else ("WHERE peer = ? ", (peer,))
        found = self._rows(
            f"SELECT {rows.DEATH_COLUMNS} FROM deaths {clause}ORDER BY seq DESC LIMIT ?", (*values, limit)
        )
        return list(self._each(reversed(found), rows.read_death))

    @explained
    def past(self, messages: float, events: float) -> Past:
        """The oldest rows that may go: messages and events that ended before these times (Unix seconds)."""
        return find_past(self._connection, messages, events)

    @explained
    def meta(self, key: str) -> str | None:
        """One value of the store's own settings."""
        return self._value("SELECT value FROM meta WHERE key = ?", key)

    @explained
    def schema(self) -> int:
        """The version of the tables."""
        return schema_of(self._connection)

    @explained
    def counts(self) -> Counts:
        """How much there is."""
        row = self._row(
            "SELECT (SELECT count(*) FROM peers), (SELECT count(*) FROM sessions WHERE ended_at IS NULL),"
            f" (SELECT count(*) FROM {QUEUE} WHERE state = 'queued' AND {UNFINISHED})"
        )
        assert row is not None  # noqa: S101 -- a SELECT without FROM has one row
        return Counts(*row)

    @explained
    def back_up(self, target: Path) -> Copied:
        """Copy the whole store, as it is at this moment, into a new file. Raises RefusedError, OSError."""
        return back_up(self._connection, target)

    @explained
    def check(self) -> list[str]:
        """What is damaged, in SQLite's words; reads the whole file. Empty when all is well."""
        found = [str(row[0]) for row in self._rows("PRAGMA integrity_check(20)")]
        return [] if found == ["ok"] else found
