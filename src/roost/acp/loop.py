"""The loop: files that are watched, and what is to be done later. One thread, nothing in it blocks."""

import heapq
import selectors
import time
from collections.abc import Callable

Callback = Callable[[], None]
READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE


class Timer:
    """Something that is to be done later."""

    __slots__ = ("_at", "_order", "do")

    def __init__(self, at: float, order: int, do: Callback) -> None:
        """Do it at that time (monotonic seconds)."""
        self._at = at
        self._order = order
        self.do: Callback | None = do

    def __lt__(self, other: "Timer") -> bool:
        """Earlier, or asked for earlier."""
        return (self._at, self._order) < (other._at, other._order)

    @property
    def at(self) -> float:
        """When (monotonic seconds)."""
        return self._at

    def cancel(self) -> None:
        """It is not to be done."""
        self.do = None


class Loop:
    """Calls back when a file can be read or written, and when a time has come."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._selector = selectors.DefaultSelector()
        self._timers: list[Timer] = []
        self._count = 0

    @staticmethod
    def now() -> float:
        """The time by which it waits (monotonic seconds)."""
        return time.monotonic()

    def watch(self, descriptor: int, events: int, do: Callable[[int], None]) -> None:
        """Call `do` with what is possible (READ, WRITE) whenever one of `events` is; 0: watch it no more."""
        known = self._selector.get_map().get(descriptor)
        if not events:
            if known is not None:
                self._selector.unregister(descriptor)
        elif known is None:
            self._selector.register(descriptor, events, do)
        elif known.events != events or known.data != do:
            self._selector.modify(descriptor, events, do)

    def after(self, seconds: float, do: Callback) -> Timer:
        """Call back once, after so many seconds."""
        self._count += 1
        timer = Timer(time.monotonic() + seconds, self._count, do)
        heapq.heappush(self._timers, timer)
        return timer

    def step(self) -> None:
        """Wait for something, and do what is to be done."""
        while self._timers and self._timers[0].do is None:
            heapq.heappop(self._timers)
        wait = max(self._timers[0].at - time.monotonic(), 0) if self._timers else None
        for key, events in self._selector.select(wait):
            # What was called before may have let go of this one.
            if self._selector.get_map().get(key.fd) is key:
                key.data(events)
        now = time.monotonic()
        while self._timers and self._timers[0].at <= now:
            do = heapq.heappop(self._timers).do
            if do is not None:
                do()
