"""The paste channel of one live session."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.question import Question
from roost.core.vocabulary.session import ControlRequest
from roost.daemon.delivery.paste.answer import DialogAnswer
from roost.daemon.delivery.paste.control import Performer
from roost.daemon.delivery.paste.delivery import Delivery
from roost.daemon.delivery.paste.examination import LiveExamination
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock

SETTLE = 1.5
"""Seconds without a record before an earlier offer counts as never pasted."""


class PasteChannel:
    """Into the terminal of one session."""

    def __init__(self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock) -> None:
        """Type into the terminal of this session."""
        self._live = live
        self._driver = driver
        self._fleet = fleet
        self._clock = clock

    async def offer(self, command: c.Offer, text: str) -> Event | None:
        """Paste the text into a free input line and enter it."""
        delivery = Delivery(self._live, self._driver, self._fleet, self._clock)
        return await delivery.offer(command, text)

    async def examine(self, message: Message) -> f.Examined:
        """Look at the input line and the record."""
        look = LiveExamination(self._live, self._driver, self._fleet, self._clock, message)
        return await look.run(settle=SETTLE)

    async def interrupt(self, control: ControlRequest) -> f.Performed:
        """Press the program's key."""
        return await self._performer(control).interrupt()

    async def compact(self, control: ControlRequest) -> f.Performed:
        """Enter the program's command."""
        return await self._performer(control).compact()

    async def answer(self, question: Question) -> f.AnswerGiven:
        """By the hook that waits for it, or by a key of the dialog. Raises TmuxError."""
        return await DialogAnswer(self._live, self._driver, self._clock, question).give()

    def _performer(self, control: ControlRequest) -> Performer:
        return Performer(self._live, self._driver, self._fleet, self._clock, control)
