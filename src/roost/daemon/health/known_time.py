"""How late it is, as far as the clock can be believed: what one set years ahead removes is lost for good.

The daemon writes down the time that it knew last. A clock that is a day away from it counts only once the
daemon has run with it for a day; until then it is as late as it was, and as long as the daemon has run since.
"""

from msgspec import Struct
from msgspec.structs import replace

DAY = 86400.0
"""Seconds by which a clock is believed to have gone on meanwhile, and of running until more is believed."""


class KnownTime(Struct, frozen=True):
    """The time that is believed, and what speaks for another one (seconds).

    `at`: the time (Unix seconds). `ahead` and `behind`: for how long the daemon has run, over all its starts,
    with a clock that is farther away than a day. `earliest`: the earliest that such a clock ahead has told,
    and what has passed since: where several were wrong, no later one is believed with it.
    """

    at: float
    ahead: float = 0.0
    behind: float = 0.0
    earliest: float | None = None

    def later(self, ran: float, now: float) -> "KnownTime":
        """What is known when the daemon has run for so long since, and the clock tells `now`."""
        at = self.at + ran
        if abs(now - at) <= DAY:
            return KnownTime(now)
        if now < at:
            behind = self.behind + ran
            return KnownTime(now) if behind >= DAY else replace(self, at=at, behind=behind)
        if self.earliest is None:
            return replace(self, at=at, earliest=now)
        ahead, earliest = self.ahead + ran, min(self.earliest + ran, now)
        return KnownTime(earliest) if ahead >= DAY else replace(self, at=at, ahead=ahead, earliest=earliest)
