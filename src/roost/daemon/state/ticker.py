"""Gives each peer a tick when its next deadline has come, and when the wall clock was moved."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from roost.core.decide import deadline
from roost.core.transition.ending import policy_end
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.peer import PeerState
from roost.daemon.state.clock_reading import read_clocks
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks, race
from roost.errors import NotFoundError, RoostError
from roost.host.interfaces.clock import Clock

RETRY = 5.0
"""Seconds until a tick that failed, as on a full disk, is tried again."""
LONGEST = 10.0
"""Seconds between two looks at the clocks when nothing is due: how soon it is noticed that one was set."""

_log = logging.getLogger("roost.ticker")


class Ticker:
    """Knows every peer's next deadline (Unix seconds)."""

    def __init__(self, fleet: Fleet, clock: Clock, tasks: Tasks) -> None:
        """Follow the fleet."""
        self._fleet = fleet
        self._clock = clock
        self._tasks = tasks
        self._due: dict[str, float] = {}
        self._changed = asyncio.Event()
        self.look: Callable[[str], Awaitable[None]] = _no_look
        """Reads what a peer's session shows, before its end is judged by what was seen earlier."""
        fleet.listeners.on_committed.append(self._committed)

    def _committed(self, name: str, state: PeerState | None, _commands: object) -> None:
        # What became due while the commit ran has not been done: it is counted from the decision. Where all
        # was refused, nothing has been done: what is known already stands, be it overdue.
        decided, policy = self._fleet.listeners.decided_at, self._fleet.policy
        if decided is not None:
            self.schedule(name, deadline(state, decided, policy) if state is not None else None)

    def schedule(self, name: str, at: float | None) -> None:
        """Remember a peer's next deadline; None: it has none."""
        if at == self._due.get(name):
            return
        if at is None:
            self._due.pop(name, None)
        else:
            self._due[name] = at
        self._changed.set()

    async def run(self) -> None:
        """Tick for ever; of a peer's deadline it learns with the peer's first event."""
        reading = read_clocks(self._clock)
        while True:
            here = read_clocks(self._clock)
            moved, now = reading.moved_to(here), here.wall
            if moved is not None:
                _log.warning(
                    "the wall clock moved by %.1f s: it was set by %.1f s, and the machine or this process"
                    " stood still for %.1f s",
                    moved.by,
                    moved.set_by,
                    moved.by - moved.set_by,
                )
                reading = here
                # The fleet moves a peer's times with the next event, whichever that is.
                names = [state.peer.name for state in (*self._fleet.states(), *self._fleet.elsewhere())]
                self._due = dict.fromkeys(names, now)
            for name in [name for name, at in self._due.items() if at <= now]:
                del self._due[name]
                self._tasks.start(self._tick(name), f"tick {name}")
            await self._wait(min(self._due.values(), default=now + LONGEST) - now)

    async def _wait(self, seconds: float) -> None:
        await race(self._clock.sleep(min(max(seconds, 0.0), LONGEST)), self._changed.wait())
        self._changed.clear()

    async def _tick(self, name: str) -> None:
        state = self._fleet.find(name)
        due = policy_end(state) if state is not None else None
        if due is not None and due.at <= self._clock.now():
            await self.look(name)
        try:
            await self._fleet.tell(name, f.Tick())
        except NotFoundError:
            return
        except RoostError:
            self.schedule(name, self._clock.now() + RETRY)


async def _no_look(_name: str) -> None:
    """Nobody holds sessions."""
