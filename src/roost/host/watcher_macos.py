"""Process exits as events on macOS: one kqueue per watch, itself readable in the event loop."""

import asyncio
import select
import sys
from collections.abc import Callable

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import SensorError
from roost.host.process_macos import boot_id, row


class KqueueWatch:
    """Watches one process until it is gone."""

    def __init__(self, process: ProcessId, callback: Callable[[], None]) -> None:
        """Start watching in the running loop. Raises SensorError."""
        if sys.platform != "darwin":
            raise SensorError("kqueue is not available on this platform")
        self._loop = asyncio.get_running_loop()
        self._callback = callback
        self._turn: asyncio.Handle | None = None
        self._queue: select.kqueue | None = select.kqueue()
        exit_event = select.kevent(
            process.pid, select.KQ_FILTER_PROC, select.KQ_EV_ADD | select.KQ_EV_ONESHOT, select.KQ_NOTE_EXIT
        )
        try:
            self._queue.control([exit_event], 0)
            registered = True
        except ProcessLookupError:
            registered = False
        # As on Linux: subscribe first, compare the start second.
        found = row(process.pid) if registered and process.boot == boot_id() else None
        if found is None or found.zombie or found.start != process.start:
            self._queue.close()
            self._queue = None
            self._turn = self._loop.call_soon(callback)
        else:
            self._loop.add_reader(self._queue.fileno(), self._gone)

    def _gone(self) -> None:
        self.cancel()
        self._callback()

    def cancel(self) -> None:
        """Stop watching."""
        if sys.platform != "darwin":
            return
        if self._turn is not None:
            self._turn.cancel()
        if self._queue is not None:
            self._loop.remove_reader(self._queue.fileno())
            self._queue.close()
            self._queue = None
