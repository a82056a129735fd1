"""What is being handed over: a session that ends meanwhile may have taken it without a sign."""

from typing import Protocol

from roost.core.vocabulary.message import Message
from roost.daemon.session.live_sessions import HandOver
from roost.host.interfaces.clock import Clock


class Holder(Protocol):
    """The session that something is handed over to."""

    @property
    def handover(self) -> HandOver | None:
        """What was done last."""
        ...


class HandOvers:
    """The offers of this daemon that have not ended with certainty; one for each message at most."""

    def __init__(self, clock: Clock) -> None:
        """Tell the time that has passed by this clock."""
        self._clock = clock
        self._offers: dict[str, tuple[int, Holder]] = {}

    def begin(self, message: Message, holder: Holder) -> None:
        """An offer begins."""
        self._offers[message.id] = message.attempts, holder

    def end(self, message: Message) -> None:
        """It is certain what came of it."""
        self._offers.pop(message.id, None)

    def entered(self, message: Message) -> float | None:
        """How many seconds ago it was pasted, if this offer may have been taken; it is forgotten with that.

        None: it was not entered, or waited in its program's own queue. 0: it is not known, as of an offer by
        another daemon.
        """
        attempt, holder = self._offers.pop(message.id, (0, None))
        if attempt != message.attempts or holder is None:
            return 0.0
        handover = holder.handover
        if handover is None or (handover.message, handover.attempt) != (message.id, attempt):
            return None
        taken = handover.enters and not handover.queued
        return self._clock.monotonic() - handover.pasted if taken else None
