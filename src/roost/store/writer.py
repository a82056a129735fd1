"""The one thread that writes: it takes all batches that wait and makes them durable with one sync."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple, TypeVar

import apsw

from roost.errors import StoreError
from roost.store.apply import Applier
from roost.store.database import checkpoint, files_of, open_database
from roost.store.errors import (
    BatchError,
    StoreClosedError,
    StoreDamagedError,
    StoreDisplacedError,
    explain,
)
from roost.store.interfaces import Batch, JournalRow

_GROUP_MOST = 1024
"""Batches in one transaction: enough to hide the sync, few enough that no caller waits long."""

_LOG_PAGES = 1000
_LOG_PAGES_MOST = 4000
"""Pages in the write-ahead log from which on they go into the database when nobody waits, and in any case.
Left to SQLite, that would be a part of some caller's commit; each read looks through a long log, too."""

_REST = 1.0
"""Seconds without a commit after which the whole log goes into the database: a copy of that file alone holds
everything then. While somebody reads an old state it is tried again so often."""

T = TypeVar("T")
Result = tuple[JournalRow, ...] | StoreError


class _Waiting(NamedTuple):
    batch: Batch
    future: asyncio.Future[tuple[JournalRow, ...]]


class _Work(NamedTuple):
    work: Callable[[apsw.Connection], Any]
    future: "asyncio.Future[Any]"


class Writer:
    """Group commit on a thread of its own. Made and used by one event loop."""

    def __init__(self, path: Path) -> None:
        """Name the file; `open` opens it."""
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Waiting | _Work | None] = SimpleQueue()
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._closing = False
        self._committer: Committer | None = None
        self._thread = threading.Thread(target=self._run, name="roost-store-writer", daemon=True)

    async def open(self) -> None:
        """Open and migrate the store. Raises StoreError."""
        self._thread.start()
        await asyncio.shield(self._opened)

    def submit(self, batch: Batch) -> "asyncio.Future[tuple[JournalRow, ...]]":
        """Hand a batch over; batches are stored in the order of these calls. Raises StoreClosedError."""
        if self._closing:
            raise StoreClosedError
        future: asyncio.Future[tuple[JournalRow, ...]] = self._loop.create_future()
        self._queue.put(_Waiting(batch, future))
        return future

    async def run(self, work: Callable[[apsw.Connection], T]) -> T:
        """What some work on the writing connection comes to, between two commits. Raises StoreError."""
        if self._closing:
            raise StoreClosedError
        future: asyncio.Future[T] = self._loop.create_future()
        self._queue.put(_Work(work, future))
        return await future

    async def close(self) -> None:
        """Store what was handed over and close the file."""
        if not self._closing:
            self._closing = True
            self._queue.put(None)
        await asyncio.shield(self._ended)

    def unfit(self) -> StoreError | None:
        """Why nothing is stored any more: the files are not at their place, or damaged. None: it is."""
        return self._committer.unfit() if self._committer is not None else None

    def failing(self) -> StoreError | None:
        """Why the latest commit stored nothing; None: it did."""
        return self._committer.failing if self._committer is not None else None

    def follow(self, told: Callable[[int, float], None]) -> None:
        """Have `told` called in this thread with the newest journal event of each commit, before its end."""
        if self._committer is not None:
            self._committer.told = told

    def met(self, damage: StoreDamagedError) -> None:
        """Somebody has met a damage: what is stored from now on could not be found again."""
        if self._committer is not None:
            self._committer.damage = damage

    def log_held(self) -> float:
        """For how many seconds somebody who reads an old state has kept the log from being emptied."""
        since = self._committer.held_since if self._committer is not None else None
        return time.monotonic() - since if since is not None else 0.0

    def _call(self, callback: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(callback)
        except RuntimeError:
            if not self._loop.is_closed():
                raise

    def _run(self) -> None:
        try:
            connection = open_database(self._path)
        except StoreError as error:
            failure = error
            self._call(lambda: _fail(self._opened, failure))
        else:
            committer = self._committer = Committer(connection, str(self._path))
            self._call(lambda: _succeed(self._opened))
            try:
                self._serve(committer)
            finally:
                connection.close()
        finally:
            self._call(lambda: _succeed(self._ended))

    def _serve(self, committer: "Committer") -> None:
        committer.rest()
        more = True
        while more:
            group: list[_Waiting] = []
            works: list[_Work] = []
            try:
                more = self._gather(group, works, _REST if committer.logged else None)
            except Empty:
                committer.rest()
            for work in works:
                result, error = committer.run(work.work)
                self._call(lambda work=work, result=result, error=error: _settle(work, result, error))
            if group:
                results = committer.commit([waiting.batch for waiting in group])
                self._call(lambda group=group, results=results: _resolve(group, results))
                committer.tidy(idle=self._queue.empty())

    def _gather(self, group: list[_Waiting], works: list[_Work], seconds: float | None) -> bool:
        """Wait for a batch, or other work, then take what else is there; False when it was the last.

        Raises Empty when nothing came within `seconds` (None: for ever).
        """
        waiting = self._queue.get(timeout=seconds)
        try:
            while waiting is not None:
                if isinstance(waiting, _Work):
                    works.append(waiting)
                else:
                    group.append(waiting)
                if len(group) == _GROUP_MOST:
                    return True
                waiting = self._queue.get_nowait()
        except Empty:
            return True
        return False


def _fail(future: "asyncio.Future[None]", error: StoreError) -> None:
    if not future.done():
        future.set_exception(error)


def _succeed(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _resolve(group: list[_Waiting], results: list[Result]) -> None:
    for waiting, result in zip(group, results, strict=True):
        if waiting.future.done():
            continue
        if isinstance(result, StoreError):
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)


def _settle(work: _Work, result: object, error: StoreError | None) -> None:
    if work.future.done():
        return
    if error is not None:
        work.future.set_exception(error)
    else:
        work.future.set_result(result)


class _BatchFailedError(Exception):
    """One batch cannot be stored; the others of its group can."""

    def __init__(self, error: StoreError) -> None:
        super().__init__()
        self.error = error


class Committer:
    """Stores groups of batches: one transaction for each group, a bad batch fails alone."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        """Work on this connection, which nobody else uses."""
        self._connection = connection
        self._path = path
        self._applier = Applier(connection)
        self._execute = connection.cursor().execute
        self._files = files_of(path)
        self.told: Callable[[int, float], None] = lambda _seq, _at: None
        self.damage: StoreDamagedError | None = None
        """What was met first of it; it stays until the store is opened again."""
        self.failing: StoreError | None = None
        """Why the latest commit stored nothing: a full disk, not what was to be stored."""
        self.logged = 1
        """Pages in the write-ahead log, as far as known; after an opening there may be some."""
        self.held_since: float | None = None
        """Since when somebody who reads an old state keeps the log from being emptied (monotonic seconds)."""
        connection.set_wal_hook(self._note_log)

    def _note_log(self, _connection: apsw.Connection, _name: str, pages: int) -> int:
        self.logged = pages
        return apsw.SQLITE_OK

    def tidy(self, *, idle: bool) -> None:
        """Move the write-ahead log into the database once it has grown; `idle`: nobody waits for a commit."""
        if self.logged < (_LOG_PAGES if idle else _LOG_PAGES_MOST):
            return
        try:
            self._connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:  # as on a full disk: the log holds everything, and the next commit says so
            return
        self.logged = 0

    def rest(self) -> None:
        """Nobody has committed for a while: move the whole log into the database."""
        if self.unfit() is not None:
            return
        try:
            self.logged = checkpoint(self._connection)
        except apsw.Error:  # as on a full disk: tried again
            return
        if not self.logged:
            self.held_since = None
        elif self.held_since is None:
            self.held_since = time.monotonic()

    def run(self, work: Callable[[apsw.Connection], Any]) -> tuple[Any, StoreError | None]:
        """What other work on the connection comes to."""
        unfit = self.unfit()
        if unfit is not None:
            return None, unfit
        try:
            return work(self._connection), None
        except apsw.Error as error:
            return None, self._explained(error)

    def _explained(self, error: apsw.Error) -> StoreError:
        found = explain(error, self._path)
        if isinstance(found, StoreDamagedError):
            self.damage = found
        elif not isinstance(found, BatchError):
            self.failing = found
        return found

    def unfit(self) -> StoreError | None:
        """Why nothing is stored: the store is damaged, or other files, or none, are where those were."""
        if self.damage is not None:
            return StoreDamagedError(f"nothing is stored any more: {self.damage.message}", path=self._path)
        if files_of(self._path) == self._files:
            return None
        return StoreDisplacedError(
            f"the store {self._path} was moved, removed or replaced while it is in use, and nothing is stored"
            " any more; put its files back, or save it with `roost backup FILE`, then `roost down`,"
            " `roost restore FILE` and `roost up`",
            path=self._path,
        )

    def commit(self, batches: list[Batch]) -> list[Result]:
        """Store the batches in order and durably; for each its journal lines, or why it was not stored.

        Savepoints cost a third of all the work and bad batches are rare: they are set only when one was met.
        What is stored in files that nobody finds again would be lost, so the files are looked for before.
        """
        unfit = self.unfit()
        if unfit is not None:
            return [unfit] * len(batches)
        try:
            return self._told(self._transaction(batches, self._plain))
        except _BatchFailedError as failed:
            if len(batches) == 1:
                return [failed.error]
        except apsw.Error as error:
            return [self._explained(error)] * len(batches)
        try:
            return self._told(self._transaction(batches, self._guarded))
        except apsw.Error as error:
            return [self._explained(error)] * len(batches)

    def _told(self, results: list[Result]) -> list[Result]:
        """Tell of the newest journal event; what is lost of the log later is missed then."""
        self.failing = None
        newest = next((rows[-1] for rows in reversed(results) if isinstance(rows, tuple) and rows), None)
        if newest is not None:
            self.told(newest.seq, newest.ts)
        return results

    def _transaction(self, batches: list[Batch], store: Callable[[Batch], Result]) -> list[Result]:
        try:
            self._execute("BEGIN IMMEDIATE")
            results = [store(batch) for batch in batches]
            self._execute("COMMIT")
        finally:
            # SQLite has rolled back by itself after some errors.
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
        return results

    def _plain(self, batch: Batch) -> Result:
        try:
            return self._applier.apply(batch)
        except BatchError as error:
            raise _BatchFailedError(error) from error
        except (apsw.ConstraintError, apsw.MismatchError, apsw.TooBigError) as error:
            raise _BatchFailedError(explain(error, self._path)) from error
        except (TypeError, ValueError, OverflowError, AttributeError, LookupError) as error:
            sentence = f"the batch holds what cannot be stored ({error}); nothing of it was stored"
            raise _BatchFailedError(BatchError(sentence)) from error

    def _guarded(self, batch: Batch) -> Result:
        self._execute("SAVEPOINT batch")
        try:
            result = self._plain(batch)
        except _BatchFailedError as failed:
            self._execute("ROLLBACK TO batch")
            result = failed.error
        self._execute("RELEASE batch")
        return result
