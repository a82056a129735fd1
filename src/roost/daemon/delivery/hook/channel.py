"""The hook channel of one live session: nothing is typed into a person's own terminal, its program asks.

An offer waits for a hook of the running turn: after a tool, or at the turn's end. At rest it goes in by a
pipe on which a part of the program waits, if it has one. What was given is taken once the program's own
record shows it, as on every channel.
"""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import Examination, Message, Timing
from roost.core.vocabulary.question import Question
from roost.core.vocabulary.session import ControlRequest, SessionState
from roost.daemon.delivery.hook.claim import Claim
from roost.daemon.delivery.hook.pipe import hand_over
from roost.daemon.delivery.hook.rest import Rest
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.session.driver import Driver
from roost.daemon.session.hook_mail import Parcel
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Reading

LOOK = 0.1
SOON = 0.01
"""Seconds between two looks: for a hook that asks, and for the record of what it was given."""
OVER = 1.0
"""Seconds at rest after which no hook of the turn asks any more."""
EVIDENCE = 3.0
"""Seconds from rest on, without a record of it, until what a hook was given is in doubt."""
SETTLE = 1.5
"""The same until an earlier offer counts as never given."""
TAKEN = 60.0
"""The same where what waited at its prompt has read it, and its program may be slow to begin with it."""
UNASKED = (
    "no hook of its turn asked for mail, and nothing waits at its prompt: it comes in with the next turn"
)
THEIRS = "it runs in a person's own terminal"


class HookChannel:
    """Into one session whose program asks by its hooks."""

    def __init__(self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock) -> None:
        """Wait for hooks of this session."""
        self._live = live
        self._driver = driver
        self._fleet = fleet
        self._clock = clock

    async def offer(self, command: c.Offer, text: str) -> Event | None:
        """Let a hook take the text, then wait until the record shows it."""
        message, live = command.message, self._live
        offer = OpenOffer(live, self._fleet, message)
        parcel = Parcel(text, anytime=message.timing is Timing.NOW and not command.redrive)
        rest, claim = Rest(live, self._clock), self._claim(message)
        live.mail.put(parcel)
        try:
            while offer.stands() and not parcel.taken.is_set():
                reading = await self._driver.look(screen=False)
                if await self._by_pipe(reading, parcel, claim):
                    break
                if rest.lasts(reading) >= OVER:
                    return offer.failed(certain=True, why=UNASKED)
                await race(parcel.taken.wait(), self._clock.sleep(LOOK))
        finally:
            live.mail.withdraw(parcel)
        live.handover = HandOver(message.id, message.attempts, self._clock.monotonic(), enters=1, hooked=True)
        live.entered = (message.id, message.attempts)
        if await self._shown(offer):
            if claim is not None:
                claim.clear()
            return None
        if claim is not None and claim.revoke():
            return offer.failed(certain=True, why="what waited at its prompt ended before it had read it")
        return offer.failed(certain=False, why="it was given, and its program's record does not show it")

    def _claim(self, message: Message) -> Claim | None:
        """The claim to what is handed over by the pipe, if its program waits at one."""
        carrier = self._live.runtime.controls.carrier
        pipe = carrier.pipe(self._live.context.home) if carrier is not None else None
        return Claim(pipe, message) if pipe is not None else None

    async def _by_pipe(self, reading: Reading | None, parcel: Parcel, claim: Claim | None) -> bool:
        """Hand the text over to a program at rest, where a part of it waits for that."""
        carrier, mail = self._live.runtime.controls.carrier, self._live.mail
        pipe = carrier.pipe(self._live.context.home) if carrier is not None else None
        if carrier is None or pipe is None or claim is None:
            return False
        if reading is None or reading.state is not SessionState.IDLE:
            return False
        try:
            claim.make()
        except OSError:
            return False
        if mail.take(ends=True) is None:  # no hook is given it meanwhile
            claim.clear()
            return False
        if await hand_over(pipe, carrier.framed(parcel.text, claim.name), self._clock):
            return True
        claim.clear()
        parcel.taken.clear()
        mail.put(parcel)
        return False

    async def _shown(self, offer: OpenOffer) -> bool:
        """Wait for evidence, for as long as the turn runs; it does not matter that another one follows."""
        rest = Rest(self._live, self._clock)
        while offer.stands():
            if rest.ago(await self._driver.look(screen=False)) >= EVIDENCE:
                return False
            await self._clock.sleep(SOON)
        return True

    async def examine(self, message: Message) -> f.Examined:
        """What has rested without a record of it was never given it, or has lost its hook's answer."""
        offer, rest = OpenOffer(self._live, self._fleet, message), Rest(self._live, self._clock)
        claim, absent = self._claim(message), False
        patience = TAKEN if claim is not None and not claim.revoke() and claim.taken else SETTLE
        while not absent and offer.stands():
            absent = rest.ago(await self._driver.look(screen=False)) >= patience
            await self._clock.sleep(LOOK)
        if claim is not None:
            claim.clear()
        if not absent:
            return offer.over()
        return f.Examined(message.id, Examination.ABSENT, "it rests, and its record does not hold it")

    async def interrupt(self, control: ControlRequest) -> f.Performed:
        """Refused before: nothing is typed for a person."""
        return f.Performed(self._live.session.id, control.at, THEIRS)

    async def compact(self, control: ControlRequest) -> f.Performed:
        """As `interrupt`."""
        return f.Performed(self._live.session.id, control.at, THEIRS)

    async def answer(self, question: Question) -> f.AnswerGiven:
        """By the hook that waits for it, if there is one."""
        request, option = question.asking.request, question.option or ""
        given = self._live.hooks.answer(request, option, question.text)
        why = None if given else f"{THEIRS}; it is answered there"
        return f.AnswerGiven(self._live.session.id, question.id, question.at, why)
