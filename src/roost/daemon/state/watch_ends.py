"""Ends each watch whose time is over."""

import logging

from roost.core import watching
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
        """End them for ever, each at its time."""
        watches = self._fleet.watches
        while True:
            watches.changed.clear()
            now = self._clock.now()
            over = [watch for watch in watches.all() if watch.expires_at <= now]
            try:
                for watch in over:
                    await self._fleet.enact(watching.expire(watch))
            except StoreError as error:
                _log.warning("a watch that is over stands for a while: %s", error.message)
                await self._clock.sleep(LONGEST)
                continue
            if not watches.all():
                await watches.changed.wait()
                continue
            first = min(watch.expires_at for watch in watches.all())
            seconds = min(max(first - self._clock.now(), 0.0), LONGEST)
            await race(self._clock.sleep(seconds), watches.changed.wait())
