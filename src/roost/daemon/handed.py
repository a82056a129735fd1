"""What was handed over without a sign that it was taken: a session that ends then may have taken it."""

from roost.core.message import Message
from roost.daemon.live import Handing
from roost.host.interfaces import Clock


class Handed:
    """The offers of this daemon that ended in doubt; one for each message at most."""

    def __init__(self, clock: Clock) -> None:
        """Tell the time that has passed by this clock."""
        self._clock = clock
        self._offers: dict[str, tuple[int, Handing | None]] = {}

    def note(self, message: Message, handing: Handing | None) -> None:
        """An offer ended in doubt; `handing`: what was done last in its session."""
        self._offers[message.id] = message.attempts, handing

    def entered(self, message: Message, within: float) -> bool:
        """Whether this offer may have been entered in so many seconds; it is forgotten with the answer.

        Of an offer that another daemon made nothing is known.
        """
        attempt, handing = self._offers.pop(message.id, (0, None))
        if attempt != message.attempts:
            return True
        if handing is None or (handing.message, handing.attempt) != (message.id, attempt):
            return False
        return bool(handing.enters) and self._clock.monotonic() - handing.pasted < within
