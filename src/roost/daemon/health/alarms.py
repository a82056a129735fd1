"""What is wrong with store, registry and links, in the sentences that whoever looks at a list is told."""

from collections.abc import Callable, Mapping

from roost.daemon.registry.orphan import unknown_words
from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.sweep import Sweeper
from roost.daemon.state.lineage import Lineage
from roost.store.interfaces import Store

SAID = 3
"""Rows that cannot be read, of which a list says more than how many there are."""


class Alarms:
    """Tells what is wrong now."""

    def __init__(
        self,
        store: Store,
        lineage: Lineage,
        sweeper: Sweeper,
        orphans: Orphans,
        links: Callable[[], Mapping[str, str]],
    ) -> None:
        """Ask these, who have looked; `links`: hosts at which what waits does not arrive, and why."""
        self._links = links
        self._store = store
        self._lineage = lineage
        self._sweeper = sweeper
        self._orphans = orphans

    def unreadable(self) -> list[str]:
        """What whoever looks at a list has to know: rows that are not in it."""
        left_out = self._store.unreadable()
        rest = len(left_out) - SAID
        return [*left_out[:SAID], *([f"{rest} more rows cannot be read; see `roost doctor`"] * (rest > 0))]

    def of_registry(self) -> list[str]:
        """What whoever looks at the registry has to know of it."""
        return self._said(self._lineage.problem(), unknown_words(self._orphans.unknown))

    def all(self) -> list[str]:
        """All of it, with what holds deaths back, and what does not arrive at other hosts."""
        unknown = unknown_words(self._orphans.unknown)
        links = [f"what is for '{host}' does not arrive: {why}" for host, why in self._links().items()]
        return self._said(self._lineage.problem(), self._sweeper.alarm, unknown, *links)

    def _said(self, *found: str | None) -> list[str]:
        return [each for each in (*found, *self.unreadable()) if each is not None]
