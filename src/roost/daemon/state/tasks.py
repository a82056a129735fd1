"""Tasks with a name and a kept reference; what escapes one is logged, never lost."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

AGAIN = 5.0
"""Seconds until what was cancelled, and has not ended, is cancelled again."""
T = TypeVar("T")
_log = logging.getLogger("roost.tasks")


class Tasks:
    """The daemon's background tasks."""

    def __init__(self) -> None:
        """Begin with none."""
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False

    def start(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run a coroutine in the background."""
        task = self._run(coroutine, name)
        task.add_done_callback(self._done)
        return task

    async def whole(self, coroutine: Coroutine[Any, Any, T], name: str) -> T:
        """Its result. It goes on to its end also where its caller is cancelled. Raises what it raises."""
        return await asyncio.shield(self._run(coroutine, name))

    def _run(self, coroutine: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.get_running_loop().create_task(coroutine, name=name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not self._closing:
            _log.error("task %s failed", task.get_name(), exc_info=error)

    async def close(self) -> None:
        """Cancel what runs and wait until all of it has ended.

        A cancellation may be lost: nats-py 2.16 swallows it in places, and `asyncio.wait_for` of Python 3.11
        where what it waits for ends at the same moment. Whoever tries again for ever would be waited for.
        """
        self._closing = True
        current = asyncio.current_task()
        while pending := [task for task in self._running if task is not current]:
            for task in pending:
                task.cancel()
            await asyncio.wait(pending, timeout=AGAIN)


async def race(*work: Coroutine[Any, Any, Any]) -> tuple[asyncio.Task[Any], ...]:
    """Run coroutines side by side until the first has ended, then cancel the others.

    Returns their tasks in order; `won` tells which ended by themselves.
    """
    loop = asyncio.get_running_loop()
    tasks = tuple(loop.create_task(coroutine) for coroutine in work)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return tasks


def won(task: asyncio.Task[Any]) -> bool:
    """Whether a task of a race ended by itself."""
    return task.done() and not task.cancelled()
