"""How long a program has rested, or ago that was: what its turn was given stands in its record by then."""

from roost.core.vocabulary.session import SessionState
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Reading


class Rest:
    """What is seen of one program's rest from now on, look by look."""

    def __init__(self, clock: Clock) -> None:
        """Nothing is seen yet."""
        self._clock = clock
        self._lasts_from: float | None = None
        self._worked = False
        self._over_from: float | None = None

    def lasts(self, reading: Reading | None) -> float:
        """Seconds that it has been at its prompt by now."""
        now = self._clock.monotonic()
        if reading is None or reading.state is not SessionState.IDLE:
            self._worked = self._worked or (reading is not None and reading.state is SessionState.WORKING)
            self._lasts_from = None
            return 0.0
        if self._lasts_from is None:
            self._lasts_from = now
        if self._worked and self._over_from is None:
            self._over_from = now
        return now - self._lasts_from

    def ago(self, reading: Reading | None) -> float:
        """The same, or seconds since the first turn that was seen had come to its end, if that is longer.

        Somebody who goes on at once, again and again, leaves no rest that lasts.
        """
        lasts = self.lasts(reading)
        if self._over_from is None:
            return lasts
        return max(lasts, self._clock.monotonic() - self._over_from)
