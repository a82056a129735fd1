"""Threads for blocking work, by kind, so that what hangs holds up nothing but what needs it.

They are daemon threads: a process ends although one of them waits for a disk that does not answer.
"""

import asyncio
import errno
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from msgspec import Struct, field

from roost.errors import RoostError

P = ParamSpec("P")
T = TypeVar("T")
RECORD = 5.0
LAUNCH = 10.0
"""Seconds that a look at an agent's own record may take, and one at what a launch needs."""
_WAITING = 64
"""How much work waits for each thread at most."""
_LOST = 256
"""Threads of one kind that may hang before those in service are not made up for any more."""


class BusyError(RoostError):
    """Too much of this work waits already; try again later."""

    code = "busy"


class HungError(TimeoutError):
    """Blocking work does not come to an end: a disk or the kernel does not answer."""

    def __init__(self, seconds: float) -> None:
        """It was waited for so long, in vain."""
        super().__init__(errno.ETIMEDOUT, f"its disk does not answer (not within {seconds:g} s)")


class _Job(Struct, eq=False):
    """`lost`: it was given up while it ran, and so was its thread."""

    key: str | None
    work: Callable[[], Any]
    done: "asyncio.Future[Any]"
    timer: asyncio.TimerHandle | None = None
    begun: bool = False
    over: bool = False
    lost: bool = False

    def settle(self, result: object, error: BaseException | None) -> None:
        """Tell the caller, if it still waits."""
        if self.done.done():
            return
        if error is not None:
            self.done.set_exception(error)
        else:
            self.done.set_result(result)


class Threads:
    """A few threads for one kind of work, started when they are needed."""

    def __init__(self, name: str, most: int, seconds: float) -> None:
        """At most so many at a time, beside those that hang: work that runs for longer is given up."""
        self._name = name
        self._most = most
        self._seconds = seconds
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        self._lock = threading.Lock()
        self._open = self._serving = self._lost = 0
        self._hung: set[str] = set()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of blocking work. A caller that is cancelled leaves the work to itself.

        Raises BusyError, HungError, or what the work raises.
        """
        return await self.run_for(None, work, *args, **kwargs)

    async def run_for(self, key: str | None, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`; while work for the same key hangs, other work for it is not begun (HungError)."""
        if key is not None and key in self._hung:
            raise HungError(self._seconds)
        if self._open >= self._most * (1 + _WAITING):
            raise BusyError
        loop = asyncio.get_running_loop()
        job = _Job(key, partial(work, *args, **kwargs), loop.create_future())
        self._bound(loop, job)
        self._open += 1
        self._queue.put(job)
        try:
            self._man(loop)
        except RuntimeError:  # no more threads are to be had; those that there are may do it
            if not self._serving:
                job.done.cancel()
                raise
        return await job.done

    def _bound(self, loop: asyncio.AbstractEventLoop, job: _Job) -> None:
        job.timer = loop.call_later(self._seconds, self._expire, loop, job)

    def _expire(self, loop: asyncio.AbstractEventLoop, job: _Job) -> None:
        """Give up a job that still runs, and its thread; one that has not begun gets its time yet."""
        with self._lock:
            job.lost = job.begun and not job.over and self._lost < _LOST
        if not job.lost:
            self._bound(loop, job)
            return
        self._lost += 1
        self._open -= 1
        self._serving -= 1
        if job.key is not None:
            self._hung.add(job.key)
        job.settle(None, HungError(self._seconds))
        with suppress(RuntimeError):
            self._man(loop)

    def _tell(self, job: _Job, result: object, error: BaseException | None) -> None:
        """A job has come to its end."""
        if job.timer is not None:
            job.timer.cancel()
        if job.lost:
            self._lost -= 1
            self._hung.discard(job.key or "")
        else:
            self._open -= 1
        job.settle(result, error)

    def _man(self, loop: asyncio.AbstractEventLoop) -> None:
        """See that there are threads for what is open."""
        if self._serving < min(self._open, self._most):
            name = f"roost-{self._name}"
            threading.Thread(target=self._serve, args=(loop,), name=name, daemon=True).start()
            self._serving += 1

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        lost = False
        while not lost:  # of one that is, another thread has taken the place
            job = self._queue.get()
            job.begun = True
            result: object = None
            failed: BaseException | None = None
            try:
                if not job.done.cancelled():
                    result = job.work()
            except BaseException as error:  # noqa: BLE001 -- it is the caller's
                failed = error
            with self._lock:
                job.over = True
                lost = job.lost
            try:
                loop.call_soon_threadsafe(self._tell, job, result, failed)
            except RuntimeError:
                return  # the loop has ended


class Work(Struct):
    """The daemon's blocking work by kind. Where a bound has passed, the work is a HungError.

    `records`: what the agents' programs write, and who has it open. `searches`: all that they have written.
    `looks`: at the sizes of it all.
    `launches`: programs and folders that a start needs. `processes`: the process table. `files`: our own.
    `conversations`: what was said in them, and which words stand where.
    `modules`: parts of the program that are loaded late. `traces`: what a collector is told.
    """

    records: Threads = field(default_factory=lambda: Threads("records", 64, RECORD))
    searches: Threads = field(default_factory=lambda: Threads("searches", 16, 120.0))
    activity: Threads = field(default_factory=lambda: Threads("activity", 1, 2.0))
    launches: Threads = field(default_factory=lambda: Threads("launches", 16, LAUNCH))
    processes: Threads = field(default_factory=lambda: Threads("processes", 16, 30.0))
    files: Threads = field(default_factory=lambda: Threads("files", 32, 30.0))
    conversations: Threads = field(default_factory=lambda: Threads("conversations", 4, 60.0))
    modules: Threads = field(default_factory=lambda: Threads("modules", 1, 60.0))
    traces: Threads = field(default_factory=lambda: Threads("traces", 1, 30.0))
