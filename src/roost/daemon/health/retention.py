"""Lets go of what has ended long ago, gives its room back, and removes attachments that no message names."""

import logging

from roost.daemon.health.known_time import DAY, KnownTime
from roost.daemon.state.attachments import sweep_attachments
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.errors import StoreError
from roost.store.codec import Shape
from roost.store.interfaces import Batch

EVERY = 600.0
"""Seconds between two passes."""
PAUSE = 0.01
"""Seconds between two steps: callers have their turn."""
YOUNG = 3600.0
"""Seconds for which an attachment is kept whatever the store says: its message may be on its way."""
KNOWN = "retention.time"
"""The store's key of the time that was known last."""

_SHAPE = Shape(KnownTime)

_log = logging.getLogger("roost.retention")


class Retention:
    """Looks after the room that the store and the attachments take."""

    def __init__(self, machine: Machine, lineage: Lineage) -> None:
        """Look after this machine's; nothing goes while the store may not be the right one."""
        self._machine = machine
        self._lineage = lineage
        self._looked: float | None = None

    async def run(self) -> None:
        """Look for ever. What stands in the way is said, and the next pass tries again."""
        while True:
            try:
                if self._lineage.problem() is None:
                    now = await self._now()
                    await self._forget(now)
                    await self._sweep(now)
            except (StoreError, OSError) as error:
                _log.warning("what has ended long ago cannot be let go of now: %s", error)
            await self._machine.clock.sleep(EVERY)

    async def _forget(self, now: float) -> None:
        store, config, clock = self._machine.store, self._machine.config, self._machine.clock
        while went := await store.forget(now - config.keep_messages, now - config.keep_events):
            _log.info("%d rows of what has ended long ago are gone", went)
            await clock.sleep(PAUSE)
        while await store.give_back():
            await clock.sleep(PAUSE)

    async def _now(self) -> float:
        """The time, as far as it can be believed (Unix seconds); what is known of it is written down."""
        store, clock = self._machine.store, self._machine.clock
        now, running = clock.now(), clock.boottime()
        ran = running - self._looked if self._looked is not None else 0.0
        kept = await store.meta(KNOWN)
        before = _SHAPE.value(kept) if kept is not None else KnownTime(now)
        known = before.later(ran, now)
        await store.commit(Batch(at=now, meta={KNOWN: _SHAPE.text(known)}))
        self._looked = running
        if known.earliest is not None and before.earliest is None:
            _log.warning(
                "the clock is %.0f days ahead: it counts once it has run so for a day", (now - known.at) / DAY
            )
        return min(now, known.at)

    async def _sweep(self, now: float) -> None:
        """Remove what no message names and is not young: what is attached just now is not named yet."""
        folder, before = self._machine.places.attachments, now - YOUNG
        named = await self._machine.store.attachments()
        await self._machine.work.files.run(sweep_attachments, folder, named, before)
