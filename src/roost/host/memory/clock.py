"""A clock that moves only when told."""

import asyncio
import heapq
import itertools

_EPOCH = 1_750_000_000.0


class VirtualClock:
    """Time for tests: `sleep` returns when `advance` has passed its end, in order of the ends."""

    def __init__(self, now: float = _EPOCH) -> None:
        """Start at `now` seconds since the Unix epoch, monotonic time 0."""
        self._offset = now
        self._elapsed = 0.0
        self._slept = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        """Seconds since the Unix epoch."""
        return self._offset + self._elapsed

    def monotonic(self) -> float:
        """Seconds advanced so far."""
        return self._elapsed

    def boottime(self) -> float:
        """Seconds advanced and suspended so far."""
        return self._elapsed + self._slept

    @property
    def sleepers(self) -> int:
        """How many tasks sleep on this clock now."""
        return sum(not future.done() for _, _, future in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        """Return once `advance` has moved `seconds` on; at once, after one loop turn, when not positive."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    def jump(self, seconds: float) -> None:
        """Set the wall clock forward (or back, when negative); monotonic time does not move."""
        self._offset += seconds

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: the wall clock goes on, monotonic time does not."""
        self._offset += seconds
        self._slept += seconds

    async def advance(self, seconds: float) -> None:
        """Move time on, waking sleepers one by one in the order of their ends, each at its own time.

        A woken task gets turns of the loop before the next one is woken, so that it may sleep again
        within the same advance.
        """
        end = self._elapsed + seconds
        await self._settle()
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not future.done():
                future.set_result(None)
                await self._settle()
        self._elapsed = end

    @staticmethod
    async def _settle() -> None:
        for _ in range(10):
            await asyncio.sleep(0)
