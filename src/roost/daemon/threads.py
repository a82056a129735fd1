"""Threads for one kind of blocking work, so that what hangs there holds up nothing else.

They are daemon threads: a process ends although one of them waits for a disk that does not answer.
"""

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, ParamSpec, TypeVar

from roost.errors import RoostError

P = ParamSpec("P")
T = TypeVar("T")
_WAITING = 64
"""How much work waits for each thread at most."""


class BusyError(RoostError):
    """Too much of this work waits already; try again later."""

    code = "busy"


class Threads:
    """A few threads, started when they are needed."""

    def __init__(self, name: str, most: int) -> None:
        """At most so many at a time."""
        self._name = name
        self._most = most
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._open = 0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of blocking work. A caller that is cancelled leaves the work to itself.

        Raises BusyError, or what the work raises.
        """
        if self._open >= self._most * (1 + _WAITING):
            raise BusyError
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def tell(settle: Callable[[Any], None], value: object) -> None:
            self._open -= 1
            if not done.done():
                settle(value)

        def job() -> None:
            if done.cancelled():
                outcome = (done.set_result, None)
            else:
                try:
                    outcome = (done.set_result, work(*args, **kwargs))
                except BaseException as error:  # noqa: BLE001 -- it is the caller's
                    outcome = (done.set_exception, error)
            try:
                loop.call_soon_threadsafe(tell, *outcome)
            except RuntimeError:
                return  # the loop has ended

        self._open += 1
        if self._open > len(self._threads) < self._most:
            thread = threading.Thread(target=self._serve, name=f"roost-{self._name}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._queue.put(job)
        return await done

    def _serve(self) -> None:
        while True:
            self._queue.get()()
