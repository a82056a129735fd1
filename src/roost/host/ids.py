"""Fresh ids and tokens."""

import os
import secrets
import threading

from roost.host.clock import SystemClock
from roost.host.interfaces.clock import Clock

_RANDOM_BITS = 62


class SystemIds:
    """Ids from the machine's random source and clock."""

    def __init__(self, clock: Clock | None = None) -> None:
        """Take the clock whose milliseconds lead each id."""
        self._clock: Clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._last = 0

    def new(self) -> str:
        """A UUIDv7 (RFC 9562) as 32 hexadecimal digits, greater than every earlier one of this object."""
        with self._lock:
            # The 12 bits after the version hold a fraction of a millisecond (RFC 9562, 6.2 method 3);
            # a clock that stands still or goes back counts on from the last value.
            ticks = max(int(self._clock.now() * 1000 * 4096), self._last + 1)
            self._last = ticks
        milliseconds, fraction = divmod(ticks, 4096)
        value = (
            (milliseconds & (1 << 48) - 1) << 80
            | 0x7 << 76
            | fraction << 64
            | 0b10 << 62
            | int.from_bytes(os.urandom(8)) >> 64 - _RANDOM_BITS
        )
        return f"{value:032x}"

    def token(self) -> str:
        """256 random bits, URL-safe."""
        return secrets.token_urlsafe(32)
