"""How a caller who waits is kept informed."""

from collections.abc import Callable
from typing import Any

from roost.core.vocabulary.view import Shown, shown
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock

Progress = Callable[[dict[str, Any]], None]
"""Takes `{"state", "why"}` while a caller waits."""


class PeerProgress:
    """Tells who waits what a peer does: at the beginning, and at each change."""

    def __init__(self, fleet: Fleet, name: str, clock: Clock, progress: Progress) -> None:
        """Nothing was told yet."""
        self._fleet = fleet
        self._name = name
        self._clock = clock
        self._progress = progress
        self._told: Shown | None = None

    def look(self) -> None:
        """Tell of the peer's state where it is not what was told last."""
        state = self._fleet.find(self._name)
        if state is None:
            return
        view = shown(state, self._clock.now())
        if self._told is None or (view.state, view.why) != (self._told.state, self._told.why):
            self._told = view
            self._progress({"state": view.state, "why": view.why})
