"""How a caller who waits is kept informed."""

from collections.abc import Callable
from typing import Any

from roost.core.vocabulary.identity import host_of
from roost.core.vocabulary.view import shown
from roost.daemon.hosts.views import Views
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock

Progress = Callable[[dict[str, Any]], None]
"""Takes `{"state", "why"}` while a caller waits."""


class PeerProgress:
    """Tells who waits what a peer does: at the beginning, and at each change."""

    def __init__(self, fleet: Fleet, views: Views, name: str, clock: Clock, progress: Progress) -> None:
        """Nothing was told yet."""
        self._fleet = fleet
        self._views = views
        self._name = name
        self._clock = clock
        self._progress = progress
        self._told: tuple[str, str] | None = None

    def look(self) -> None:
        """Tell of the peer's state where it is not what was told last."""
        now = self._now()
        if now is not None and now != self._told:
            self._told = now
            self._progress({"state": now[0], "why": now[1]})

    def _now(self) -> tuple[str, str] | None:
        """Its state, and why; None: there is no such peer."""
        if host_of(self._name) is not None:
            row = self._views.row(self._name)
            return row["state"], row["why"]
        state = self._fleet.find(self._name)
        if state is None:
            return None
        view = shown(state, self._clock.now())
        return view.state, view.why
