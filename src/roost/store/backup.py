"""Whole copies of a store, made and taken back with SQLite's own backup, while others go on with it.

Everything here blocks.
"""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false
# ruff: noqa: S608 -- statements are put together from constants of this module

import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import apsw

from roost.core.vocabulary.identity import OPERATOR
from roost.errors import RefusedError, StoreError
from roost.store.database import SCHEMA, SIDE_FILES, open_read_only, schema_of
from roost.store.errors import StoreEmptyError, StoreMissingError, StoreVersionError, explain
from roost.store.records import Copied

_COUNTED = (f"peers WHERE name <> '{OPERATOR}'", "messages")
"""What a person counts: the operator is no peer that somebody has made."""
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
"""What link(2) fails with where a file system has no hard links, as those of most USB sticks (FAT, exFAT)."""
_ALL = -1
"""Pages in one step: all of them, from one moment."""


def back_up(source: apsw.Connection, target: Path) -> Copied:
    """Copy an open store into a new file that only its owner can read. Others write to the store meanwhile.

    The copy is checked before it gets its name. Raises RefusedError, StoreError, OSError.
    """
    if target.exists():
        raise RefusedError(f"there is a file {target} already; choose another name or move it away")
    partial = target.with_name(f".{target.name}.{os.getpid()}.part")
    partial.unlink(missing_ok=True)  # of one that was cut off in a process with our pid, as in a container
    os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        copied = _copy(source, partial)
        _name(partial, target)
        _sync(target.parent)
    except FileExistsError as error:
        raise RefusedError(f"there is a file {target} already; choose another name") from error
    finally:
        partial.unlink(missing_ok=True)
    return copied


def _name(partial: Path, target: Path) -> None:
    """Give the copy its name. Raises FileExistsError where somebody has made one of that name meanwhile."""
    try:
        os.link(partial, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))  # it is ours now
        try:
            partial.rename(target)
        except OSError:
            target.unlink()
            raise


def restore(backup: Path, database: Path, forget: Sequence[str] = ()) -> Copied:
    """Put a backup in the place of the store, which nobody may have open; what was there is kept beside it.

    `forget`: the store's own settings under these keys are left out.

    Raises StoreError: it is no backup, is damaged, is of a newer roost, or cannot be copied; then nothing has
    changed. Raises OSError.
    """
    if not backup.is_file():
        raise StoreMissingError(f"there is no file {backup}")
    source = open_read_only(backup)
    try:
        version = schema_of(source)
        if version == 0:
            raise StoreEmptyError(f"{backup} holds no tables of roost")
        if version > SCHEMA:
            raise StoreVersionError(
                f"{backup} is of a newer roost (schema {version}, this one knows {SCHEMA}); upgrade roost"
            )
        partial = database.with_name(f".{database.name}.{os.getpid()}.part")
        partial.unlink(missing_ok=True)
        try:
            os.close(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
            copied = _copy(source, partial)
            _forget(partial, forget)
            kept = _set_aside(database)
            partial.rename(database)
            _sync(database.parent)
        finally:
            partial.unlink(missing_ok=True)
    except apsw.Error as error:
        raise explain(error, str(backup)) from error
    finally:
        source.close()
    return Copied(copied.schema, copied.peers, copied.messages, kept)


def _forget(path: Path, keys: Sequence[str]) -> None:
    copy = apsw.Connection(str(path))
    try:
        copy.executemany("DELETE FROM meta WHERE key = ?", [(key,) for key in keys])
    finally:
        copy.close()


def _copy(source: apsw.Connection, target: Path) -> Copied:
    """Copy all pages and look whether they are whole. Raises StoreError."""
    try:
        copy = apsw.Connection(str(target))
        try:
            with copy.backup("main", source, "main") as copying:
                copying.step(_ALL)
            copy.pragma("journal_mode", "delete")  # one file, without a log beside it
            found = _words(copy, "PRAGMA integrity_check(5)")
            if found != ["ok"]:
                raise StoreError(f"what was copied is damaged: {'; '.join(found)}")
            peers, messages = (int(_words(copy, f"SELECT count(*) FROM {rows}")[0]) for rows in _COUNTED)
            copied = Copied(schema_of(copy), peers, messages)
        finally:
            copy.close()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise explain(error, source.filename) from error
    except apsw.Error as error:
        raise explain(error, str(target)) from error
    with target.open("rb") as written:
        os.fsync(written.fileno())
    return copied


def _words(connection: apsw.Connection, statement: str) -> list[str]:
    rows = cast("list[tuple[object, ...]]", connection.execute(statement).fetchall())
    return [str(row[0]) for row in rows]


def _set_aside(database: Path) -> str | None:
    """Give the files of a store other names; the first of them, None when there was no store."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name, number = f"{database}.before-{stamp}", 1
    while Path(name).exists():
        number += 1
        name = f"{database}.before-{stamp}-{number}"
    moved = None
    for suffix in SIDE_FILES:
        try:
            os.rename(f"{database}{suffix}", f"{name}{suffix}")  # noqa: PTH104 -- plain names
        except FileNotFoundError:
            continue
        moved = moved or f"{name}{suffix}"
    return moved


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
