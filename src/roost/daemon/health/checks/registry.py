"""The registry against what runs, as `doctor` looks at it: sessions outside of it, deaths held back."""

from collections.abc import Iterable

from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.sweep import Sweeper
from roost.present.finding import Code, Finding, wrong


class RegistryCheck:
    """Tells what the latest looks have found."""

    def __init__(self, orphans: Orphans, sweeper: Sweeper) -> None:
        """Ask these, who have looked."""
        self._orphans = orphans
        self._sweeper = sweeper

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        found: list[Finding] = []
        for orphan in self._orphans.unknown:
            ident = orphan.marker.session[:8]
            advice = f"`roost gc --end {ident}` ends it; it is taken in by:"
            fix = f"roost adopt {ident}"
            found.append(wrong(Code.SESSION_UNKNOWN, "unknown session", orphan.seen, advice=advice, fix=fix))
        if self._sweeper.alarm is not None:
            advice = "wait half a minute: those that are still gone then are closed; `roost gc` shows them"
            found.append(wrong(Code.DEATHS_HELD, "alarm", self._sweeper.alarm, advice=advice))
        return found
