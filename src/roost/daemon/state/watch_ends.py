"""Ends each watch whose time is over, by the clock as it is."""

import logging

from roost.core import watching
from roost.core.vocabulary import commands as c
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.errors import StoreError
from roost.host.interfaces.clock import Clock

LONGEST = 10.0
"""Seconds between two looks: how soon a clock that was set is noticed."""

_log = logging.getLogger("roost.watches")


class WatchEnds:
    """Knows which watch ends next."""

    def __init__(self, fleet: Fleet, clock: Clock) -> None:
        """Follow the watches of this fleet."""
        self._fleet = fleet
        self._clock = clock

    async def run(self) -> None:
        """End them for ever, each at its time; what a clock that was set makes of the others is stored."""
        watches = self._fleet.watches
        while True:
            watches.changed.clear()
            try:
                await self._fleet.enact(lambda _now: watches.unsaved())
                while await self._end_one():
                    pass
            except StoreError as error:
                _log.warning("a watch that is over or was moved is not stored so yet: %s", error.message)
                await self._clock.sleep(LONGEST)
                continue
            if not watches.all():
                await watches.changed.wait()
                continue
            first = min(watch.expires_at for watch in watches.all())
            seconds = min(max(first - self._clock.now(), 0.0), LONGEST)
            await race(self._clock.sleep(seconds), watches.changed.wait())

    async def _end_one(self) -> bool:
        """Whether one was over. Raises StoreError."""
        ended = False

        def decide(now: float) -> list[c.Command]:
            nonlocal ended
            over = next((each for each in self._fleet.watches.all() if each.expires_at <= now), None)
            ended = over is not None
            return watching.expire(over) if over is not None else []

        await self._fleet.enact(decide)
        return ended
