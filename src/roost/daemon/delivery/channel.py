"""A channel: the way into one live session, and what proves that a message has come in by it.

*paste* types into a terminal as a person would; *call* asks the program by an API of its own. The promises
are the same on each: an offer is committed before it begins, one is open at a time, whoever is not sure looks
before it is offered again, and each ends in one event.
"""

from typing import Protocol

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.question import Question
from roost.core.vocabulary.session import ControlRequest


class Channel(Protocol):
    """Into one live session. What its agent has taken stands in its record, which the driver reads."""

    async def offer(self, command: c.Offer, text: str) -> Event | None:
        """Carry out an offer; returns the event that ends it, None when evidence has ended it already."""
        ...

    async def examine(self, message: Message) -> f.Examined:
        """Find out whether an earlier offer of the message reached the session. Raises TmuxError."""
        ...

    async def interrupt(self, control: ControlRequest) -> f.Performed:
        """End the running turn. Raises TmuxError."""
        ...

    async def compact(self, control: ControlRequest) -> f.Performed:
        """Compact the conversation. Raises TmuxError."""
        ...

    async def answer(self, question: Question) -> f.AnswerGiven:
        """Give the answer that the question has, as long as its program asks that very question."""
        ...
