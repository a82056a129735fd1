"""Time, as the layers above may ask for it: seconds since the Unix epoch, or since an arbitrary start."""

from typing import Protocol


class Clock(Protocol):
    """Time, injected so that tests own it."""

    def now(self) -> float:
        """Seconds since the Unix epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that the machine has run since an arbitrary start; never goes back."""
        ...

    def boottime(self) -> float:
        """As `monotonic`, and it goes on while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...
