"""Waiting until a peer is in a state of `list`."""

from typing import Any

from roost.core.vocabulary.view import shown
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.progress import PeerProgress, Progress
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race, won
from roost.daemon.state.waits import Waits
from roost.errors import UsageError, WaitTimeoutError
from roost.host.interfaces.clock import Clock

AWAITED = ("idle", "working", "blocked", "asleep", "gone")
"""States of a peer that can be waited for."""


class Waiting:
    """Waits for peers, woken by what becomes of them."""

    def __init__(self, fleet: Fleet, waits: Waits, clock: Clock, peers: Peers) -> None:
        """Wait for peers of this fleet."""
        self._fleet = fleet
        self._waits = waits
        self._clock = clock
        self._peers = peers

    async def until(
        self, name: str, state: str, timeout: float | None, progress: Progress
    ) -> dict[str, Any] | None:
        """Return a peer's row when it is in that state; None: it is gone, as was waited for.

        It is idle when nothing waits for it, too.

        Raises WaitTimeoutError when so many seconds have passed, NotFoundError when it is removed meanwhile.
        """
        if state not in AWAITED:
            raise UsageError(f"'{state}' cannot be waited for; known are {', '.join(AWAITED)}")
        if not self._is_missed(name, state):
            return None
        self._fleet.get(name)
        timer = [self._clock.sleep(timeout)] if timeout is not None else []
        outcome, *_ = await race(self._until(name, state, progress), *timer)
        if not won(outcome):
            view = shown(self._fleet.get(name), self._clock.now())
            raise WaitTimeoutError(f"'{name}' is not {state} yet, but {view.state}: {view.why}")
        return outcome.result()

    async def _until(self, name: str, state: str, progress: Progress) -> dict[str, Any] | None:
        told = PeerProgress(self._fleet, self._peers.views, name, self._clock, progress)
        with self._waits.peer(name) as changes:
            while (found := self._fleet.find(name)) is not None or self._is_missed(name, state):
                found = found or self._fleet.get(name)
                waits = found.queued or found.in_flight
                if shown(found, self._clock.now()).state == state and not (state == "idle" and waits):
                    return self._peers.row(name)
                told.look()
                await changes.get()
        return None

    def _is_missed(self, name: str, state: str) -> bool:
        """Whether who waits for that state is to be told that there is no peer of this name."""
        return state != "gone" or self._fleet.called(name) is not None
