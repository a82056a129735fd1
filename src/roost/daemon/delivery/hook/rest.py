"""How long a program has rested, or ago that was: what its turn was given stands in its record by then."""

from roost.core.vocabulary.session import SessionState
from roost.daemon.session.live_sessions import LiveSession
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Reading


class Rest:
    """What is seen of one program's rest from now on, look by look."""

    def __init__(self, live: LiveSession, clock: Clock) -> None:
        """Nothing is seen yet."""
        self._live = live
        self._clock = clock
        self._known = live.turns_over
        self._lasts_from: float | None = None
        self._over_from: float | None = None

    def lasts(self, reading: Reading | None) -> float:
        """Seconds that it has been at its prompt by now."""
        now = self._clock.monotonic()
        if reading is None or reading.state is not SessionState.IDLE:
            self._lasts_from = None
            return 0.0
        if self._lasts_from is None:
            self._lasts_from = now
        return now - self._lasts_from

    def ago(self, reading: Reading | None) -> float:
        """The same, or seconds since the first end of a turn that anybody has seen, if that is longer.

        Somebody who goes on at once, again and again, leaves no rest that lasts, and none for each to see.
        """
        lasts, now = self.lasts(reading), self._clock.monotonic()
        if self._over_from is None and self._live.turns_over > self._known:
            self._over_from = now
        return lasts if self._over_from is None else max(lasts, now - self._over_from)
