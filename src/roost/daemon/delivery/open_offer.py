"""The offer of a message to a live session for as long as it is open: what it waits for, how it failed."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Examination, Message, MessageState, Timing
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet

SETTLED = "it is settled already"
"""Why nothing is found of an offer that stands no more."""


class OpenOffer:
    """One offer, as the fleet has it."""

    def __init__(self, live: LiveSession, fleet: Fleet, message: Message) -> None:
        """The offer of this message, in this attempt, to this session."""
        self.message = message
        self._live = live
        self._fleet = fleet

    def stands(self) -> bool:
        """Whether it is still open: no evidence has ended it."""
        current = self._current()
        if current is None or current.state is not MessageState.OFFERED:
            return False
        return current.attempts == self.message.attempts

    @property
    def steers(self) -> bool:
        """Whether the message may be typed into a running turn."""
        return self.message.timing is Timing.NOW and self._live.runtime.traits.steers

    @property
    def entered(self) -> bool:
        """Whether its text was seen to leave the input line after our Enter."""
        return self._live.entered == (self.message.id, self.message.attempts)

    def over(self) -> f.Examined:
        """What an examination finds once it does not stand: whatever has ended it is told already."""
        return f.Examined(self.message.id, Examination.UNCLEAR, SETTLED)

    async def waits(self, why: str) -> None:
        """Show what it waits for."""
        current = self._current()
        if current is not None and current.why != why:
            waits = f.OfferWaits(self._live.session.id, self.message.id, self.message.attempts, why)
            await self._fleet.report(self._live.peer, waits)

    def failed(self, *, certain: bool, why: str, person: bool = False) -> f.OfferFailed:
        """It has failed; `certain`: nothing of it has reached the agent. `person`: one was in its way."""
        return f.OfferFailed(
            self._live.session.id, self.message.id, certain, why, self.message.attempts, person
        )

    def _current(self) -> Message | None:
        state = self._fleet.find(self._live.peer)
        return state.message(self.message.id) if state else None
