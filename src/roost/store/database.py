"""Opening the database file: who may read it, how it is synced, which version its tables have."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

import os
import threading
import time
from pathlib import Path

import apsw

from roost.errors import StoreError
from roost.store.errors import StoreEmptyError, StoreMissingError, StoreVersionError, explain, short_of
from roost.store.retention import IN_MEMORY, begin_giving_back
from roost.store.schema import SCHEMA

_MIGRATIONS = Path(__file__).with_name("migrations")
_BUSY_MS = 10_000
_CACHE_KIB = 4 * 1024
"""Pages held in memory."""
SIDE_FILES = ("", "-wal", "-shm")
"""What a store in use consists of: behind its name."""
_umask_lock = threading.Lock()


def open_database(path: Path) -> apsw.Connection:
    """Open the store for writing, make it when it is missing, and bring its tables up to date.

    The files are readable by their owner only. Raises StoreError. Blocks; not for the event loop.
    """
    try:
        connection = _create(path)
    except apsw.Error as error:
        raise explain(error, str(path)) from error
    try:
        _prepare(connection, path)
        migrate(connection, path)  # a migration may replace a table that others refer to
        begin_giving_back(connection)
        connection.pragma("foreign_keys", 1)
        # From now on what a transaction changes stays in memory until its commit: one of ten thousand rows
        # took twice as long when it wrote and read its own pages again.
        connection.pragma("cache_spill", 0)
    except apsw.Error as error:
        connection.close()
        raise explain(error, str(path)) from error
    except StoreError:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> apsw.Connection:
    """Open the store without the means to change it. Raises StoreError, StoreMissingError.

    SQLite 3.54 needs to write beside a WAL database even to read it. Where that is not possible, a store that
    was closed cleanly is still whole in its one file; one that was not closed cleanly needs mending first.
    """
    if not path.exists():
        raise StoreMissingError(f"there is no store at {path} yet; `roost up` makes one")
    connection = open_read_only(path)
    try:
        _check_version(path, schema_of(connection))
    except BaseException:
        connection.close()
        raise
    return connection


def check_known(path: Path) -> None:
    """Raise StoreError where a store is there that a daemon of this roost could not open. Blocks."""
    if not path.exists():
        return
    connection = open_read_only(path)
    try:
        if (version := schema_of(connection)) > SCHEMA:
            raise _other_version(path, version)
    finally:
        connection.close()


def open_read_only(path: Path) -> apsw.Connection:
    """Open a store of any version without the means to change it. Raises StoreError."""
    try:
        try:
            return _readable(path, "mode=ro")
        except (apsw.ReadOnlyError, apsw.CantOpenError, apsw.IOError, apsw.FullError):
            if _logged(path):
                raise
            return _readable(path, "mode=ro&immutable=1")
    except apsw.Error as error:
        if isinstance(error, apsw.ReadOnlyError | apsw.CantOpenError) and short_of(str(path)) is None:
            raise StoreError(
                f"the store {path} cannot be read: it was not closed cleanly and its directory is not"
                " writable for you; make the directory writable, or start roost as its owner",
                path=str(path),
            ) from error
        raise explain(error, str(path)) from error


def _logged(path: Path) -> bool:
    """Whether the log beside a database holds anything: an empty one is left where there was no room."""
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _readable(path: Path, how: str) -> apsw.Connection:
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(f"{path.absolute().as_uri()}?{how}", flags=flags)
    try:
        connection.set_busy_timeout(_BUSY_MS)
        keep_in_memory(connection)
        schema_of(connection)  # it is a database, and can be read
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(path: Path, version: int) -> None:
    if version == 0:
        raise StoreEmptyError(
            f"the store {path} is empty; `roost restore BACKUP` brings back a backup, `roost up` begins anew"
            " and ends no agent",
            path=str(path),
        )
    if version != SCHEMA:
        raise _other_version(path, version)


def schema_of(connection: apsw.Connection) -> int:
    """The version of the tables; 0 for a new file."""
    return int(connection.pragma("user_version"))


def migrate(connection: apsw.Connection, path: Path) -> None:
    """Apply the migrations that the store lacks, each in one transaction. Raises StoreVersionError.

    The version is read again under the write lock, so that of several processes one migrates.
    """
    while (version := schema_of(connection)) != SCHEMA:
        if version > SCHEMA:
            raise _other_version(path, version)
        connection.execute("BEGIN IMMEDIATE")
        try:
            version = schema_of(connection)
            if version < SCHEMA:
                connection.execute((_MIGRATIONS / f"{version + 1:04}.sql").read_text(encoding="utf-8"))
                connection.pragma("user_version", version + 1)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


def _other_version(path: Path, version: int) -> StoreVersionError:
    if version > SCHEMA:
        sentence = f"the store is of a newer roost (schema {version}, this one knows {SCHEMA}); upgrade roost"
    else:
        sentence = (
            f"the store is of an older roost (schema {version}, this one needs {SCHEMA});"
            " `roost up` brings it up to date"
        )
    return StoreVersionError(sentence, path=str(path), schema=version, known=SCHEMA, newer=version > SCHEMA)


def files_of(path: str) -> dict[str, tuple[int, int] | None]:
    """Which files are at the place of a store now, by device and inode."""
    return {suffix: _file_at(f"{path}{suffix}") for suffix in SIDE_FILES}


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- before each commit: a Path costs as much as the look
    except OSError:
        return None
    return found.st_dev, found.st_ino


def checkpoint(connection: apsw.Connection) -> int:
    """Move the whole write-ahead log into the database and cut it off; returns the pages left in it.

    Waits for nobody: where a reader needs the log, it stays, and the next call tries again.
    """
    connection.set_busy_timeout(0)
    try:
        logged, _ = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    except apsw.BusyError:
        logged, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        return max(logged - moved, 1)
    finally:
        connection.set_busy_timeout(_BUSY_MS)
    return max(logged, 0)


def _create(path: Path) -> apsw.Connection:
    """SQLite gives -wal and -shm the mode of the database file, so that one matters."""
    with _umask_lock:
        before = os.umask(0o077)
        try:
            connection = apsw.Connection(str(path))
        finally:
            os.umask(before)
    for suffix in SIDE_FILES:
        side = Path(f"{path}{suffix}")
        try:
            if side.stat().st_mode & 0o077:
                side.chmod(0o600)
        except FileNotFoundError:
            continue
        except OSError as error:
            connection.close()
            raise StoreError(f"the store {path} cannot be made private: {error}") from error
    return connection


def _prepare(connection: apsw.Connection, path: Path) -> None:
    connection.set_busy_timeout(_BUSY_MS)
    if (version := schema_of(connection)) > SCHEMA:
        raise _other_version(path, version)  # before anything is written: it is left as it is
    connection.pragma("auto_vacuum", 2)  # counts for a new file only
    _enter_wal(connection)
    connection.pragma("synchronous", "FULL")
    connection.pragma("fullfsync", 1)  # macOS: fsync alone leaves data in the drive's cache
    connection.pragma("journal_size_limit", 64 * 1024 * 1024)
    connection.pragma("cache_size", -_CACHE_KIB)
    keep_in_memory(connection)


def keep_in_memory(connection: apsw.Connection) -> None:
    """Have what SQLite needs for a while only not be written to a folder for temporary files.

    There may be none: a container's root is often mounted read-only. What undoes a large statement would go
    there.
    """
    connection.pragma("temp_store", IN_MEMORY)


def _enter_wal(connection: apsw.Connection) -> None:
    """SQLite does not wait by itself when several processes make the same new file a WAL database."""
    deadline = time.monotonic() + _BUSY_MS / 1000
    while True:
        try:
            if connection.pragma("journal_mode", "wal") == "wal":
                return
        except apsw.BusyError:
            if time.monotonic() >= deadline:
                raise
        else:
            raise StoreError(
                "the store's file system cannot hold a WAL database; move ROOST_HOME to a local disk"
            )
        time.sleep(0.01)
