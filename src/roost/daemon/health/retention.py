"""Lets go of what has ended long ago, gives its room back, and removes attachments that no message names."""

import logging

from roost.daemon.state.attachments import sweep_attachments
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.errors import StoreError

EVERY = 600.0
"""Seconds between two passes."""
PAUSE = 0.01
"""Seconds between two steps: callers have their turn."""
YOUNG = 3600.0
"""Seconds for which an attachment is kept whatever the store says: its message may be on its way."""
QUIET = 86400.0
"""Seconds by which the clock may be ahead of the latest event: one set years ahead removes nothing."""

_log = logging.getLogger("roost.retention")


class Retention:
    """Looks after the room that the store and the attachments take."""

    def __init__(self, machine: Machine, lineage: Lineage) -> None:
        """Look after this machine's; nothing goes while the store may not be the right one."""
        self._machine = machine
        self._lineage = lineage

    async def run(self) -> None:
        """Look for ever. What stands in the way is said, and the next pass tries again."""
        while True:
            try:
                if self._lineage.problem() is None:
                    await self._forget()
                    await self._sweep()
            except (StoreError, OSError) as error:
                _log.warning("what has ended long ago cannot be let go of now: %s", error)
            await self._machine.clock.sleep(EVERY)

    async def _forget(self) -> None:
        store, config, clock = self._machine.store, self._machine.config, self._machine.clock
        now = await self._now()
        while went := await store.forget(now - config.keep_messages, now - config.keep_events):
            _log.info("%d rows of what has ended long ago are gone", went)
            await clock.sleep(PAUSE)
        while await store.give_back():
            await clock.sleep(PAUSE)

    async def _now(self) -> float:
        """The time, as far as it can be believed (Unix seconds)."""
        rows = await self._machine.store.events(await self._machine.store.last_seq() - 1, None, 1)
        now = self._machine.clock.now()
        return min(now, rows[-1].ts + QUIET) if rows else now

    async def _sweep(self) -> None:
        """Remove what no message names and is not young: what is attached just now is not named yet."""
        folder, before = self._machine.places.attachments, self._machine.clock.now() - YOUNG
        named = await self._machine.store.attachments()
        await self._machine.work.files.run(sweep_attachments, folder, named, before)
