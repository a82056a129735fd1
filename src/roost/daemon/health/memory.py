"""Gives memory back that the daemon needed once, as for a fleet that woke at the same time."""

from contextlib import suppress

from roost.daemon.state.threads import BusyError, HungError, Threads
from roost.host.heap import give_back
from roost.host.interfaces.clock import Clock

EVERY = 60.0
"""Seconds between two times."""


class Memory:
    """Looks after the memory of this process."""

    def __init__(self, clock: Clock, threads: Threads) -> None:
        """Give back in one of these threads."""
        self._clock = clock
        self._threads = threads

    async def run(self) -> None:
        """Give back for ever; what the threads are too busy for is done the next time."""
        while True:
            await self._clock.sleep(EVERY)
            with suppress(BusyError, HungError):
                await self._threads.run(give_back)
