"""Where the wall clock stands beside the clocks that are never set: how a moved clock is noticed."""

from msgspec import Struct

from roost.core.vocabulary.facts import ClockMoved
from roost.host.interfaces.clock import Clock

TOLERATED = 2.0
"""Seconds by which the wall clock may be off before anything is done about it."""
_TOGETHER = 0.1
"""Seconds within which the clocks have to be read to be compared."""


class ClockReading(Struct, frozen=True):
    """One reading of all clocks (seconds): the wall's, the machine's, the machine's with its sleep."""

    wall: float
    running: float
    whole: float

    def moved_to(self, later: "ClockReading") -> ClockMoved | None:
        """How the wall clock was moved between two readings; None when it was not, or by next to nothing."""
        by = (later.wall - later.running) - (self.wall - self.running)
        set_by = (later.wall - later.whole) - (self.wall - self.whole)
        if abs(by) <= TOLERATED and abs(set_by) <= TOLERATED:
            return None
        return ClockMoved(by, set_by)


def read_clocks(clock: Clock) -> ClockReading:
    """Read all clocks at one moment: a reading that was interrupted is made again."""
    while True:
        begun = clock.monotonic()
        reading = ClockReading(clock.now(), clock.monotonic(), clock.boottime())
        if clock.monotonic() - begun < _TOGETHER:
            return reading


def earliest_now(since: ClockReading, clock: Clock) -> float:
    """Now (Unix seconds), by the clock as it is or as it went on from a reading, whichever is earlier.

    By it, nothing that happened after the reading is older than it is, however the clock was set meanwhile.
    """
    return min(clock.now(), since.wall + clock.boottime() - since.whole)
