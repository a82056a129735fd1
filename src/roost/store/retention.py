"""What the store lets go of: what has ended long ago. And the room that it gives back to the disk.

Nothing unfinished goes, nor what an unfinished message answers. Of the journal those lines stay that alone
tell that a removed peer, or a session of it, was this store's; of the deaths each peer's latest.
"""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

import json
from typing import NamedTuple

import apsw

STEP = 500
"""Rows of each kind that go in one transaction: callers wait for no longer than for a large commit."""
SPARE = 256
"""Free pages that are kept: what comes next takes them."""
PAGES = 1024
"""Pages that are given back in one step."""

_UNFINISHED = "('queued', 'offered', 'accepted', 'unknown')"
_OVER = f"""
    state NOT IN {_UNFINISHED} AND done_at < ?
    AND NOT EXISTS (
        SELECT 1 FROM messages AS answer WHERE answer.reply_to = messages.id AND answer.state IN {_UNFINISHED}
    )
    AND id NOT IN (SELECT message FROM intents WHERE message IS NOT NULL)
"""  # noqa: S608 -- our own words
_TOLD = """
    ts < ? AND kind <> 'removed' AND (kind <> 'stopped' OR session IN (SELECT id FROM sessions))
    AND seq < (SELECT max(seq) FROM journal)
"""
_PAST_END = "at < ? AND seq < (SELECT max(seq) FROM deaths AS other WHERE other.peer = deaths.peer)"


class Past(NamedTuple):
    """Numbers of rows that may go."""

    messages: list[int]
    journal: list[int]
    deaths: list[int]

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return any(self)


def find_past(connection: apsw.Connection, messages: float, events: float) -> Past:
    """The oldest rows that ended before these times (Unix seconds), a step of each kind."""

    def seqs(table: str, where: str, before: float) -> list[int]:
        found = connection.execute(
            f"SELECT seq FROM {table} WHERE {where} ORDER BY seq LIMIT {STEP}",  # noqa: S608 -- our own words
            (before,),
        )
        return [row[0] for row in found]

    return Past(
        seqs("messages", _OVER, messages),
        seqs("journal", _TOLD, events),
        seqs("deaths", _PAST_END, events),
    )


def forget(connection: apsw.Connection, past: Past, messages: float, events: float) -> int:
    """Remove those of these rows that may go still; returns how many went."""
    went = 0
    connection.execute("BEGIN IMMEDIATE")
    try:
        for table, where, seqs, at in (
            ("messages", _OVER, past.messages, messages),
            ("journal", _TOLD, past.journal, events),
            ("deaths", _PAST_END, past.deaths, events),
        ):
            connection.execute(
                f"DELETE FROM {table} WHERE {where} AND seq IN (SELECT value FROM json_each(?))",  # noqa: S608
                (at, json.dumps(seqs)),
            )
            went += connection.changes()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:  # SQLite has rolled back by itself after some errors
            connection.execute("ROLLBACK")
    return went


def begin_giving_back(connection: apsw.Connection) -> None:
    """Have the file's free pages be given back one by one; an older file is written anew for it, once.

    Where there is no room for that, it stays as it is until the next start.
    """
    if connection.pragma("auto_vacuum") == _INCREMENTAL:
        return
    connection.pragma("auto_vacuum", _INCREMENTAL)
    connection.pragma("temp_store", _IN_FILES)  # the whole of it
    try:
        connection.execute("VACUUM")
    except (apsw.CantOpenError, apsw.FullError, apsw.IOError, apsw.BusyError):
        return
    finally:
        connection.pragma("temp_store", IN_MEMORY)


_INCREMENTAL = 2
_IN_FILES, IN_MEMORY = 1, 2
"""Values of SQLite's `temp_store`."""


def give_back(connection: apsw.Connection) -> bool:
    """Cut free pages off the file, a step of them; whether there are more."""
    left = int(connection.pragma("freelist_count")) - SPARE
    if left <= 0 or connection.pragma("auto_vacuum") != _INCREMENTAL:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({min(left, PAGES)})").fetchall()
    return left > PAGES
