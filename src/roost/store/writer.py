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
from roost.store.committer import Committer, Result
from roost.store.database import open_database
from roost.store.errors import StoreClosedError, StoreDamagedError
from roost.store.interfaces import Batch, JournalRow

_GROUP_MOST = 1024
"""Batches in one transaction: enough to hide the sync, few enough that no caller waits long."""
_REST = 1.0
"""Seconds without a commit after which the whole log goes into the database: a copy of that file alone holds
everything then. While somebody reads an old state it is tried again so often."""
T = TypeVar("T")


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
