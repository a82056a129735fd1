"""What a pass over the registry would find now, as `gc` shows it."""

from typing import Any

from roost.daemon.registry.orphans import Orphans, orphan_objects, orphans_among
from roost.daemon.registry.sweep import Sweeper
from roost.daemon.state.fleet import Fleet
from roost.local.paths import Places
from roost.present.objects import gc_object


class GcReport:
    """Looks without closing anything; the daemon closes what is dead by itself."""

    def __init__(self, fleet: Fleet, sweeper: Sweeper, orphans: Orphans, places: Places) -> None:
        """Look at this fleet's sessions."""
        self._fleet = fleet
        self._sweeper = sweeper
        self._orphans = orphans
        self._places = places

    async def now(self) -> dict[str, Any]:
        """The object of the contract."""
        found = await self._sweeper.look()
        marked = found.inventory.marked or ()
        orphans = await self._orphans.judge(orphans_among(marked, self._fleet.states(), self._places))
        findings = (*found.plan.findings, *found.resting)
        return gc_object(findings, orphan_objects(orphans), found.plan.alarm, closed=0, daemon=True)
