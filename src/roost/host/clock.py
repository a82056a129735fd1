"""The machine's clocks, and those of a process that may be stopped for a while."""

import asyncio
import threading
import time

# macOS: its CLOCK_MONOTONIC goes on while the machine sleeps, Python's time.monotonic() does not.
_WHOLE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

BEAT = 0.5
"""Seconds within which the event loop reads its clock again while its process runs."""
AWAY = 2.5
"""Seconds without a reading from which on the process is taken to have stood still."""


class SystemClock:
    """Wall clock and monotonic clock of this machine."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds since an arbitrary start."""
        return time.monotonic()

    def boottime(self) -> float:
        """Seconds since an arbitrary start, those included for which the machine slept."""
        return time.clock_gettime(_WHOLE)

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)


class RunningClock(SystemClock):
    """Its monotonic time leaves out the time for which this process, or its event loop, did not run.

    A frozen container, SIGSTOP, a debugger: nothing could be seen meanwhile, so no deadline may come nearer.
    It has to be the clock of a `RunningLoop`, which reads it all the time. For threads, too.
    """

    def __init__(self) -> None:
        """Begin to run."""
        self._lock = threading.Lock()
        self._read = time.monotonic()
        self._away = 0.0

    def monotonic(self) -> float:
        """Seconds of running since an arbitrary start."""
        with self._lock:
            now = time.monotonic()
            if now - self._read >= AWAY:
                self._away += now - self._read - BEAT
            self._read = now
            return now - self._away


class RunningLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers, all of them, go by a `RunningClock`."""

    def __init__(self, clock: RunningClock) -> None:
        """Go by this clock."""
        super().__init__()
        self._running_clock = clock
        self._beat()

    def time(self) -> float:
        """Seconds of running."""
        return self._running_clock.monotonic()

    def _beat(self) -> None:
        """The loop reads its clock after each wait: let none be long."""
        self.call_later(BEAT, self._beat)
