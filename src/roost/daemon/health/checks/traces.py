"""The export of traces, as `doctor` looks at it: whether the collector takes them."""

from collections.abc import Iterable

from roost.daemon.health.checks.check import REPLACE
from roost.daemon.traces.outcome import Exported
from roost.present.finding import Code, Finding, good, note


class TracesCheck:
    """Looks at how the export fares."""

    def __init__(self, exported: Exported) -> None:
        """Look at this one."""
        self._exported = exported

    async def findings(self) -> Iterable[Finding]:
        """What is found now; nothing where no traces are asked for."""
        endpoint, failing = self._exported.endpoint, self._exported.failing
        if not endpoint:
            return []
        if not failing:
            return [good("traces", f"exported to {endpoint}")]
        why = f"traces wait in the journal for the collector at {endpoint}: {failing}"
        advice = "start the collector; where the address or the token is wrong, mend [traces] in config.toml:"
        return [note(Code.TRACES_WAIT, "traces", why, advice=advice, fix=REPLACE)]
