"""The note beside a store: which one ran here last, and how far its journal had come.

With it an older copy, an empty store, or one whose log was lost is told from the one that ran here.
"""

import json
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from roost.core.vocabulary.view import iso
from roost.store.errors import StoreMissingError
from roost.store.reader import Reader

STORE = "store.id"
"""The store's key of its own id."""
_LENGTH = 160
"""Bytes of a note: always the same, as it is written over."""


class Note(Struct, frozen=True):
    """The store that ran here last, and the latest event of its journal that was noted (Unix seconds)."""

    store: str
    seq: int
    at: float

    def text(self) -> bytes:
        """As it is written."""
        return msgspec.json.encode(self).ljust(_LENGTH)


def read_note(path: Path) -> Note | None:
    """Blocking: the note; None where there is none that can be read."""
    try:
        found: dict[str, Any] = json.loads(path.read_bytes())
        return Note(str(found["store"]), int(found["seq"]), float(found["at"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def doubted(note: Note | None, store: str | None, last: int, at: float | None) -> str | None:
    """Why a store of that id may not be the right one.

    `last` is its latest event, `at` the time of the event that the note speaks of: an older copy that has
    gone on has another one under that number.
    """
    if note is None:
        return None
    if note.store != store:
        return f"it is not the one that ran here until {iso(note.at)}, which is not there any more"
    if last < note.seq:
        return f"it is an older copy: {note.seq - last} events up to {iso(note.at)} are missing"
    if note.seq and at != note.at:
        return f"it is an older copy that has gone on: events up to {iso(note.at)} are missing"
    return None


def doubt_of(reader: Reader, path: Path) -> str | None:
    """Blocking: why the store may not be the one that the note at `path` speaks of. Raises StoreError."""
    note = read_note(path)  # before the store: what is noted is stored already
    if note is None:
        return None
    rows = reader.events(note.seq - 1, None, 1)
    at = rows[0].ts if rows and rows[0].seq == note.seq else 0.0
    return doubted(note, reader.meta(STORE), reader.last_seq(), at)


def gone(database: Path, note: Note) -> StoreMissingError:
    """That no store is where the one of the note was."""
    return StoreMissingError(
        f"the store {database} that ran here until {iso(note.at)} is not there any more; put its files back,"
        " or `roost restore BACKUP` brings back a backup; `roost up` begins anew and ends no agent",
        path=str(database),
    )
