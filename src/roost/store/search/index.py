"""The index beside the store: which words stand in which messages and events.

It is a file of its own, which nothing depends on: accepting a message does not wait for it, a damage of it
harms no message, and it may be removed at any time. It is brought up to date behind the commits; what it
lacks is searched without it. It holds words and numbers of rows alone: who and when is the store's.
"""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 -- statements are put together from constants of this package only

import json
import os
import time
from pathlib import Path
from typing import Any, cast

import apsw

from roost.store.database import keep_in_memory, open_for_reading
from roost.store.note import STORE
from roost.store.search.matcher import TABLE
from roost.store.search.rows import KINDS, Kind, texts

VERSION = 1
STEP = 256
"""Rows in one transaction."""
_BUSY_MS = 5000
_OPTIONS = "content = '', contentless_delete = 1, "


class Marks:
    """How far an index has come in a store: for each kind the number of the latest row, and what it is."""

    def __init__(self, index: apsw.Connection, store: apsw.Connection) -> None:
        """Read them. Raises apsw.Error."""
        self._store = store
        found = all_of(index, "SELECT key, value FROM meta")
        self.known: dict[str, Any] = {key: json.loads(value) for key, value in found}
        self.fits = self._fits()

    def up_to(self, kind: Kind) -> int:
        """The number of the latest row that is in the index."""
        return int(self.known[kind.table][0]) if self.fits and kind.table in self.known else 0

    def _fits(self) -> bool:
        """Whether it is the index of this store, not of a later or another state of it."""
        if self.known.get("version") != VERSION or self.known.get("store") != store_id(self._store):
            return False
        for kind in KINDS:
            seq, mark = self.known.get(kind.table, (0, None))
            row = self._store.execute(kind.mark, (seq,)).fetchone()
            last = self._store.execute(
                "SELECT seq FROM sqlite_sequence WHERE name = ?", (kind.table,)
            ).fetchone()
            if (row is not None and row[0] != mark) or seq > (last[0] if last is not None else 0):
                return False
        return True


def store_id(store: apsw.Connection) -> str:
    """The id of a store. Raises apsw.Error."""
    rows = all_of(store, "SELECT value FROM meta WHERE key = ?", STORE)
    return str(rows[0][0]) if rows else ""


def all_of(connection: apsw.Connection, statement: str, *values: object) -> list[Any]:
    """All rows. Raises apsw.Error."""
    return cast("list[Any]", connection.execute(statement, cast("Any", values)).fetchall())


def catch_up(path: Path, database: Path, seconds: float) -> int:
    """Blocking: take what is new in the store into the index, for so long; how many rows it is behind still.

    Makes the index, or makes it anew where it is damaged or of another store. Raises apsw.Error, StoreError,
    OSError.
    """
    try:
        return _catch_up(path, database, seconds)
    except (apsw.CorruptError, apsw.NotADBError, apsw.SQLError, ValueError, TypeError):
        remove(path)
        return _catch_up(path, database, seconds)


def remove(path: Path) -> None:
    """Remove the index. Raises OSError."""
    for suffix in ("", "-journal"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)


def _catch_up(path: Path, database: Path, seconds: float) -> int:
    until = time.monotonic() + seconds
    store = open_for_reading(database)
    try:
        index = _open(path, store)
        try:
            marks = Marks(index, store)
            if not marks.fits:
                index.close()
                remove(path)
                index = _open(path, store)
                marks = Marks(index, store)
            return sum(_take(index, store, kind, marks.up_to(kind), until) for kind in KINDS)
        finally:
            index.close()
    finally:
        store.close()


def _open(path: Path, store: apsw.Connection) -> apsw.Connection:
    """Open the index, which only its owner can read; make its tables where there are none."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    index = apsw.Connection(str(path))
    try:
        index.set_busy_timeout(_BUSY_MS)
        index.pragma("synchronous", "NORMAL")
        keep_in_memory(index)
        if not index.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchall():
            with index:
                index.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID")
                for kind in KINDS:
                    index.execute(f"CREATE VIRTUAL TABLE {kind.table} USING {TABLE.format(options=_OPTIONS)}")
                _note(index, "version", VERSION)
                _note(index, "store", store_id(store))
    except BaseException:
        index.close()
        raise
    return index


def _note(index: apsw.Connection, key: str, value: object) -> None:
    index.execute("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", (key, json.dumps(value)))


def _take(index: apsw.Connection, store: apsw.Connection, kind: Kind, last: int, until: float) -> int:
    """Take rows behind the number `last` in; how many are left."""
    while time.monotonic() < until:
        rows = all_of(store, f"{kind.rows} WHERE seq > ? ORDER BY seq LIMIT {STEP}", last)
        if not rows:
            return 0
        last = rows[-1][0]
        mark = all_of(store, kind.mark, last)
        with index:
            index.executemany(
                f"INSERT OR REPLACE INTO {kind.table} (rowid, text, topic) VALUES (?, ?, ?)",
                texts(kind, rows),
            )
            _note(index, kind.table, [last, mark[0][0] if mark else None])
    return int(all_of(store, f"SELECT count(*) FROM {kind.table} WHERE seq > ?", last)[0][0])


def prune(path: Path, database: Path) -> int:
    """Blocking: let go of rows that the store does not hold any more; how many. Raises as `catch_up` does."""
    if not path.exists():
        return 0
    store = open_for_reading(database)
    try:
        index = _open(path, store)
        try:
            return sum(_prune(index, store, kind) for kind in KINDS)
        finally:
            index.close()
    finally:
        store.close()


def _prune(index: apsw.Connection, store: apsw.Connection, kind: Kind) -> int:
    went = last = 0
    while rows := all_of(
        index, f"SELECT id FROM {kind.table}_docsize WHERE id > ? ORDER BY id LIMIT 4096", last
    ):
        held: set[int] = {row[0] for row in rows}
        first, last = rows[0][0], rows[-1][0]
        there = all_of(store, f"SELECT seq FROM {kind.table} WHERE seq BETWEEN ? AND ?", first, last)
        gone = sorted(held.difference(row[0] for row in there))
        if gone:
            with index:
                index.executemany(f"DELETE FROM {kind.table} WHERE rowid = ?", [(seq,) for seq in gone])
        went += len(gone)
    return went
