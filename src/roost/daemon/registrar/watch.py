"""Whom the hub itself has turned away: the lines of its log about keys and subjects (nats-server 2.10.27)."""

import re
from typing import NamedTuple

from roost.host.files import Tail

AGAIN = 3600.0
"""Seconds in which the same is told once: who is turned away tries again every few seconds."""
_MOST = 1000
"""How many are remembered for that."""
_LINE = re.compile(
    r' - (?:authentication error - Nkey "(?P<unknown>\w*)"'
    r'|(?P<what>Publish|Subscription) Violation - Nkey "(?P<nkey>\w+)", Subject "(?P<subject>[^"]{0,300})")'
)


class TurnedAway(NamedTuple):
    """Who (by its nkey) was turned away, and why."""

    nkey: str
    why: str


class Once:
    """What was told a while ago is not told again."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._told: dict[object, float] = {}

    def fresh(self, what: object, now: float) -> bool:
        """Whether it is to be told (`now`: monotonic seconds); it counts as told then."""
        if now - self._told.get(what, -AGAIN) < AGAIN:
            return False
        if len(self._told) >= _MOST:
            self._told = {each: at for each, at in self._told.items() if now - at < AGAIN}
            if len(self._told) >= _MOST:
                return False
        self._told[what] = now
        return True


class Watch:
    """Reads the log as it grows."""

    def __init__(self, tail: Tail) -> None:
        """Read on from there."""
        self._tail = tail
        self._once = Once()

    @property
    def offset(self) -> int:
        """How far it has read."""
        return self._tail.offset

    def look(self, now: float) -> list[TurnedAway]:
        """What is new since the last look (`now`: monotonic seconds). Blocking."""
        found = [each for line in self._tail.read() if (each := turned_away(line.decode(errors="replace")))]
        return [each for each in found if self._once.fresh(each, now)]


def turned_away(line: str) -> TurnedAway | None:
    """What a line tells; None: nothing of the kind."""
    found = _LINE.search(line)
    if found is None:
        return None
    if found["what"] is None:
        return TurnedAway(found["unknown"], "the hub knows no such key")
    verb = "publish to" if found["what"] == "Publish" else "subscribe to"
    return TurnedAway(found["nkey"], f"it may not {verb} {found['subject']}")
