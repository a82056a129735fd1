"""The machine's clocks."""

import asyncio
import time

# macOS: its CLOCK_MONOTONIC goes on while the machine sleeps, Python's time.monotonic() does not.
_WHOLE = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


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
