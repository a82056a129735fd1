"""The daemon's part of `doctor`: its checks, one after another."""

from collections.abc import Sequence

from roost.daemon.health.checks.check import Check
from roost.present.finding import Finding


class Doctor:
    """Asks each check."""

    def __init__(self, checks: Sequence[Check]) -> None:
        """Ask these, in this order."""
        self._checks = checks

    async def findings(self) -> list[Finding]:
        """What all of them find now."""
        return [finding for check in self._checks for finding in await check.findings()]
