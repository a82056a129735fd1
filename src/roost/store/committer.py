"""Group commit in one transaction: a bad batch fails alone, a damaged or displaced store stores nothing."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

import time
from collections.abc import Callable
from typing import Any

import apsw

from roost.errors import StoreError
from roost.store.apply import Applier
from roost.store.database import checkpoint, files_of
from roost.store.errors import BatchError, StoreDamagedError, StoreDisplacedError, explain
from roost.store.interfaces import Batch, JournalRow

_LOG_PAGES = 1000
_LOG_PAGES_MOST = 4000
"""Pages in the write-ahead log from which on they go into the database when nobody waits, and in any case.
Left to SQLite, that would be a part of some caller's commit; each read looks through a long log, too."""
Result = tuple[JournalRow, ...] | StoreError


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
