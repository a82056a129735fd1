"""What stands in OpenCode's own store of a conversation, for when no program is there to be asked.

OpenCode 1.18.33 keeps all conversations of a user in one SQLite database (WAL), and commits a prompt before
it tells of it or asks its model: what its process was killed after stands there. The store is read and never
written: a read-only connection makes no checkpoint, so a program that writes it meanwhile does not wait. What
is read is written to a file of lines for each conversation, which is searched as other programs' records are.
"""

# pyright: reportUnknownMemberType=false

import errno
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast
from urllib.parse import quote

import apsw

from roost.foreign import decode
from roost.runtimes import opencode_lines
from roost.runtimes.opencode_lines import Message

BUSY = 2000
"""Milliseconds that a reader waits where a log is just being recovered."""
KEPT = 3600.0
"""Seconds that a file of lines is kept for whoever still reads it."""
_SESSION = "SELECT 1 FROM session WHERE id = ?"
_CHANGED = "SELECT session_id, max(time_updated) FROM message WHERE time_updated >= ? GROUP BY session_id"
_CHANGED_AT = "SELECT max(time_updated) FROM message WHERE session_id = ?"
_MESSAGES = (
    "SELECT id, data FROM message WHERE session_id = ? AND time_updated >= ? ORDER BY time_created, id"
)
_FROM = (
    "SELECT time_created, id, data FROM message WHERE session_id = ? AND (time_created, id) >= (?, ?)"
    " ORDER BY time_created, id LIMIT ?"
)
_PARTS = "SELECT data FROM part WHERE message_id = ? ORDER BY id"


def database(environ: Mapping[str, str]) -> Path:
    """Where the store of this user is."""
    data = environ.get("XDG_DATA_HOME")
    folder = Path(data) if data else Path(environ.get("HOME") or Path.home()) / ".local/share"
    return folder / "opencode" / (environ.get("OPENCODE_DB") or "opencode.db")


def holds(environ: Mapping[str, str], conversation: str) -> bool:
    """Blocking: whether the store has the conversation. Raises OSError."""
    with _Store(database(environ)) as store:
        return bool(store.rows(_SESSION, conversation))


def written_out(environ: Mapping[str, str], folder: Path, conversation: str) -> list[Path]:
    """Blocking: the file of lines of one conversation, if the store has it. Raises OSError."""
    with _Store(database(environ)) as store:
        ((changed,),) = store.rows(_CHANGED_AT, conversation) or ((None,),)
        return [] if changed is None else [_write(store, folder, conversation, 0, changed)]


def written_since(environ: Mapping[str, str], folder: Path, since: float) -> list[Path]:
    """Blocking: files of what was written since (Unix seconds), one for each conversation, latest first.

    Raises OSError.
    """
    at = int(since * 1000)
    with _Store(database(environ)) as store:
        found = sorted(store.rows(_CHANGED, at), key=lambda row: row[1], reverse=True)
        return [_write(store, folder, conversation, at, changed) for conversation, changed in found]


def messages_from(
    environ: Mapping[str, str], conversation: str, at: int, key: str, most: int
) -> list[tuple[int, str, Message]]:
    """Blocking: the messages of a conversation from the one of that time (milliseconds) and id on.

    At most so many, each with its time and id. Raises OSError.
    """
    with _Store(database(environ)) as store:
        return [
            (
                made,
                name,
                ({**_object(data), "id": name}, [_object(part) for (part,) in store.rows(_PARTS, name)]),
            )
            for made, name, data in store.rows(_FROM, conversation, at, key, most)
        ]


class _Store:
    """The database, open for reading in one transaction; empty when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection | None = None

    def __enter__(self) -> Self:
        if not self._path.exists():
            return self
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        try:
            self._connection = apsw.Connection(f"file:{quote(str(self._path))}?mode=ro", flags=flags)
            self._connection.set_busy_timeout(BUSY)
            self._connection.cursor().execute("BEGIN")
        except apsw.Error as error:
            self.__exit__()
            raise _unread(self._path, error) from error
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close(force=True)
            self._connection = None

    def rows(self, query: str, *values: object) -> Sequence[tuple[Any, ...]]:
        if self._connection is None:
            return ()
        try:
            return list(self._connection.cursor().execute(query, values))
        except apsw.Error as error:
            raise _unread(self._path, error) from error


def _unread(path: Path, error: apsw.Error) -> OSError:
    return OSError(errno.EIO, f"its store cannot be read ({error})", str(path))


def _write(store: _Store, folder: Path, conversation: str, at: int, changed: int) -> Path:
    """Blocking: write the lines of a conversation's messages that were changed since `at` (milliseconds)."""
    messages = list(_messages(store, conversation, at))
    lines = [*opencode_lines.conversation(messages), *opencode_lines.closing(messages)]
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{conversation}.jsonl"
    beside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    beside.write_bytes(b"".join(each + b"\n" for each in lines))
    os.utime(beside, (changed / 1000, changed / 1000))
    now = beside.stat().st_ctime
    beside.replace(path)
    for old in folder.iterdir():
        try:
            if now - old.stat().st_ctime > KEPT:
                old.unlink()
        except FileNotFoundError:
            continue
    return path


def _messages(store: _Store, conversation: str, at: int) -> Iterator[Message]:
    for name, data in store.rows(_MESSAGES, conversation, at):
        info = {**_object(data), "id": name}
        parts = store.rows(_PARTS, name) if info.get("role") == "user" else ()
        yield info, [_object(part) for (part,) in parts]


def _object(data: str) -> Mapping[str, Any]:
    found: object = decode(data)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
