"""The call channel of one live session."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import PENDING, Examination, Message
from roost.core.vocabulary.question import Question
from roost.core.vocabulary.session import ControlRequest, SessionState
from roost.daemon.delivery.open_control import COMPACT, INTERRUPT, LOOK, OpenControl
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock
from roost.runtimes.call import Call, CallLostError, CallRefusedError
from roost.runtimes.view import Reading

SOON = 0.005
"""Seconds between two looks for what follows a call at once."""
EVIDENCE = 30.0
"""Seconds at rest until a call whose prompt no record shows is in doubt."""
SILENT = 600.0
"""Seconds without an answer of its program until it is given up to find out what it has."""
AGAIN = 2.0
"""Seconds until a turn that has not ended is asked to end again."""
GIVEN = "its program has it, and its record does not tell yet"


class CallChannel:
    """Into one session whose program has an API."""

    def __init__(self, live: LiveSession, call: Call, driver: Driver, fleet: Fleet, clock: Clock) -> None:
        """Call the program of this session."""
        self._live = live
        self._call = call
        self._driver = driver
        self._fleet = fleet
        self._clock = clock

    async def offer(self, command: c.Offer, text: str) -> Event | None:
        """Give the program the text as a prompt, then wait until its record shows that."""
        message = command.message
        offer = OpenOffer(self._live, self._fleet, message)
        reading = await self._driver.look(screen=False)
        if not _takes(reading, steers=command.steers):
            why = reading.why if reading is not None else self._driver.missing()
            return offer.failed(certain=True, why=f"it does not take a prompt now: {why}")
        await offer.waits(message.why)  # nothing is in its way any more
        handover = HandOver(message.id, message.attempts, self._clock.monotonic(), enters=1, called=True)
        self._live.handover = handover
        try:
            await self._call.submit(
                c.offer_key(message), text, joins=command.steers, traceparent=str(message.turn_trace)
            )
        except CallRefusedError as error:
            handover.enters = 0
            return offer.failed(certain=True, why=error.message)
        except CallLostError as error:
            return offer.failed(certain=False, why=error.message)
        self._live.entered = (message.id, message.attempts)
        if await self._shown(offer):
            return None
        return offer.failed(certain=False, why=f"{GIVEN} ({handover.words(self._clock.monotonic())})")

    async def _shown(self, offer: OpenOffer) -> bool:
        """Wait for evidence. A turn may keep what was given to it for as long as it runs."""
        began = self._clock.monotonic()
        deadline = began + EVIDENCE
        while offer.stands() and (now := self._clock.monotonic()) < deadline:
            reading = await self._driver.look(screen=False)
            keeps = reading is not None and reading.state is not SessionState.IDLE
            if keeps:
                deadline = now + EVIDENCE
            if self._live.handover is not None:
                self._live.handover.queued = keeps and offer.steers
            if now - began >= 1.0:
                await offer.waits(PENDING if keeps and offer.steers else GIVEN)
            await self._clock.sleep(SOON if now - began < 1.0 else LOOK)
        return not offer.stands()

    async def examine(self, message: Message) -> f.Examined:
        """Ask the program itself: what it was not given is absent for certain, however its record looks."""
        offer = OpenOffer(self._live, self._fleet, message)
        silent = self._clock.monotonic()
        while offer.stands():
            await self._driver.look(screen=False)
            try:
                has = await self._call.has(c.offer_key(message))
            except (CallRefusedError, CallLostError) as error:
                if self._clock.monotonic() - silent >= SILENT:
                    return f.Examined(message.id, Examination.UNCLEAR, error.message)
                await offer.waits(error.message)
                await self._clock.sleep(LOOK * 10)
                continue
            if not offer.stands():
                break
            if not has:
                return f.Examined(message.id, Examination.ABSENT, "its program was not given it")
            if not await self._shown(offer):
                return f.Examined(message.id, Examination.UNCLEAR, GIVEN)
        return offer.over()

    async def interrupt(self, control: ControlRequest) -> f.Performed:
        """Ask the program to end its turn, until it has."""
        open_control = OpenControl(self._live, self._fleet, control)
        deadline = self._clock.monotonic() + INTERRUPT
        meant, asked = open_control.turn(), -AGAIN
        while open_control.stands():
            reading = await self._driver.look(screen=False)
            turn, now = open_control.turn(), self._clock.monotonic()
            meant = meant or turn
            over = bool(meant) and meant.isdisjoint(turn)
            if over or (_at_rest(reading) and not open_control.flight()):
                break
            if now >= deadline:
                why = f"the turn did not end within {rough_duration(INTERRUPT)}"
                return open_control.done(f"{why}; `roost attach {self._live.peer}` joins its terminal")
            if now - asked >= AGAIN and not _at_rest(reading):
                self._live.interrupting, asked = turn or self._live.interrupting, now
                try:
                    await self._call.interrupt()
                except (CallRefusedError, CallLostError):
                    asked = now  # asked again after a while, until the deadline
            await self._clock.sleep(LOOK)
        return open_control.done()

    async def compact(self, control: ControlRequest) -> f.Performed:
        """Ask the program to compact, then wait for the record of that."""
        open_control = OpenControl(self._live, self._fleet, control)
        deadline = self._clock.monotonic() + COMPACT
        await self._driver.look(screen=False)
        if not open_control.recorded():
            try:
                await self._call.compact()
            except (CallRefusedError, CallLostError) as error:
                return open_control.done(error.message)
        while open_control.stands() and not open_control.recorded():
            await self._driver.look(screen=False)
            if self._clock.monotonic() >= deadline:
                return open_control.done(f"no record of its end within {rough_duration(COMPACT)}")
            await self._clock.sleep(LOOK)
        return open_control.done()

    async def answer(self, question: Question) -> f.AnswerGiven:
        """Ask the program to take the answer. It knows its request by name, and refuses any other."""
        session, option = self._live.session.id, question.option or ""
        try:
            await self._call.answer(question.asking.request, option, question.text)
        except CallRefusedError as error:
            return f.AnswerGiven(session, question.id, question.at, error.message)
        except CallLostError as error:
            return f.AnswerGiven(session, question.id, question.at, error.message, doubt=True)
        return f.AnswerGiven(session, question.id, question.at)


def _takes(reading: Reading | None, *, steers: bool) -> bool:
    """Whether a program in this state takes a prompt."""
    if reading is None:
        return False
    return _at_rest(reading) or (steers and reading.state is SessionState.WORKING)


def _at_rest(reading: Reading | None) -> bool:
    return reading is not None and reading.state is SessionState.IDLE
