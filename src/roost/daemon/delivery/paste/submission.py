"""The submission of a pasted message: Enter, and the evidence that it was taken. Only Enter is repeated.

No Enter goes to a screen that is not known to be the prompt with our text, and only our text, in it. What a
person types between the last look and the Enter, some milliseconds, cannot be seen.
"""

from roost.core.messages import envelope
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import PENDING
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste.input_line import InputLine, read_input_line
from roost.daemon.delivery.paste.prompt import LOOK, Prompt
from roost.daemon.session.driver import Driver, pace
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.session.window import view_of
from roost.host.errors import PaneInMode, TmuxError, TmuxGone
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Composer, Reading

MIXED_WAIT = 600.0
"""Seconds to wait until a person has sent or removed a draft with our text in it, before that is in doubt."""
ENTERS = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait for evidence after each Enter, while the text still stands in the input line."""
EVIDENCE = 30.0
"""Seconds to wait for evidence once the input line is empty again."""
SIGN = 5.0
"""Seconds without evidence until that is said."""
SOUGHT = "it was handed over, and nothing tells yet that it was taken"
MIXED = "a draft stands in its input line beside the message or in its place: send or clear it"


class Submission:
    """Of one offer, whose text stands pasted in the input line of its session."""

    def __init__(
        self, live: LiveSession, driver: Driver, clock: Clock, prompt: Prompt, offer: OpenOffer
    ) -> None:
        """Submit the text of this offer at this prompt."""
        self._live = live
        self._driver = driver
        self._clock = clock
        self._prompt = prompt
        self._offer = offer
        self._left_alone = False

    async def submit(self) -> Event | None:
        """Press Enter until the text leaves the input line, then wait for evidence."""
        async with self._live.typing:
            failed = await self.enter()
        return failed if failed is not None else await self.conclude()

    async def enter(self) -> Event | None:
        """Press Enter until the text leaves the input line; what ends the offer when tmux fails.

        A program that takes lines begins with the first of them: its last one lacks its Enter all the same.
        """
        try:
            seen = await self._wait_rendered()
            shows = self._live.runtime.controls.shows
            if await (self._enter_seen(seen=seen) if shows else self._enter_once()):
                self._live.entered = (self._offer.message.id, self._offer.message.attempts)
        except TmuxGone:
            pass
        except TmuxError as error:
            return self._offer.failed(certain=False, why=f"tmux: {error.message}")
        return None

    async def conclude(self) -> Event | None:
        """Wait for evidence; returns the event that ends the offer, None when evidence has ended it."""
        try:
            if not self._left_alone:
                await self._evidence()
        except TmuxGone:
            pass
        except TmuxError as error:
            return self._offer.failed(certain=False, why=f"tmux: {error.message}")
        if not self._offer.stands():
            if self._live.rejected == self._offer.message.id:
                await self._prompt.take_back_late(ENTERS[0])
            return None
        view = view_of(self._live)
        why = f"a dialog is open: {view.dialog}" if view.dialog else "no evidence that it took the message"
        why = MIXED if self._left_alone else why
        if self._live.handover is not None:
            why = f"{why} ({self._live.handover.words(self._clock.monotonic())})"
        return self._offer.failed(certain=False, why=why)

    async def _wait_rendered(self) -> bool:
        live, message = self._live, self._offer.message.id
        seen = await self._prompt.wait_rendered(
            lambda: not self._offer.stands(), lambda screen: envelope.ends_on(screen, message)
        )
        if not live.runtime.controls.shows and self._offer.stands():
            begins, ends = envelope.begins_on(live.screen, message), envelope.ends_on(live.screen, message)
            live.free.drew(view_of(live), begins=begins, ends=ends)
        return seen

    async def _enter_once(self) -> bool:
        """Press Enter once, whatever shows, in a program that is not known to show what was pasted.

        That comes before the key in any case. A dialog stops it, and a key of somebody else.
        """
        live = self._live
        while True:
            await self._driver.look(screen=True)
            handover = live.handover
            if handover is None or view_of(live).dialog is not None:
                return False
            self._left_alone = not await self.is_ours()
            if self._left_alone:
                await self._offer.waits(MIXED)
                return False
            try:
                await self._prompt.enter(handover)
            except PaneInMode as error:
                await self._offer.waits(error.message)
                if not await self._mode_left():
                    return False
            else:
                return True

    async def _enter_seen(self, *, seen: bool) -> bool:
        """Press Enter, again and again while our text stands there; whether it has left the input line.

        `seen`: the latest look is of now.
        """
        for number, wait in enumerate(ENTERS):
            if not await self._enter(seen=seen and not number):
                break
            if await self._left(wait):
                return True
        return False

    async def _enter(self, *, seen: bool = False) -> bool:
        """Press Enter if our text stands at the prompt; False when it does not, or evidence has come.

        A look that was `seen` just now is enough where it shows our text; it may be half drawn.
        """
        if not (seen and self._filled() and await self.is_ours()):
            await self._prompt.drawn(
                lambda view: view.composer is Composer.FILLED, lambda: not self._offer.stands()
            )
            if not self._filled():
                return False
            self._left_alone = not await self.is_ours()
            if self._left_alone:
                await self._offer.waits(MIXED)
                return False
        handover = self._live.handover or HandOver(
            self._offer.message.id, self._offer.message.attempts, self._clock.monotonic()
        )
        handover.enters += 1
        try:
            await self._live.terminal.keys("Enter")
        except PaneInMode as error:
            handover.enters -= 1
            await self._offer.waits(error.message)
            return await self._mode_left() and await self._enter()
        return True

    def _filled(self) -> bool:
        """Whether a text was seen at the prompt, while the offer stands."""
        view = view_of(self._live)
        return self._offer.stands() and view.dialog is None and view.composer is Composer.FILLED

    async def _mode_left(self) -> bool:
        """Wait until the keys go to the program again; False when that takes too long."""
        deadline = self._clock.monotonic() + MIXED_WAIT
        while self._offer.stands() and self._clock.monotonic() < deadline:
            await self._driver.look(screen=True)
            if self._live.frame is None or not self._live.frame.mode:
                return True
            await self._clock.sleep(LOOK * 10)
        return False

    async def _left(self, wait: float) -> bool:
        """Whether the text has left the input line, or evidence has come, within `wait` seconds."""
        began = self._clock.monotonic()
        deadline = began + wait
        while self._clock.monotonic() < deadline:
            await self._driver.look(screen=True)
            if not self._offer.stands() or view_of(self._live).composer is not Composer.FILLED:
                return True
            await self._clock.sleep(pace(self._clock.monotonic() - began, LOOK))
        return False

    async def is_ours(self) -> bool:
        """Whether the text in the input line is our paste and nothing else.

        Sure is what it shows, and that nobody has pressed a key since it was empty. Where neither can be
        said, a lone placeholder of a paste is ours if nobody is there who could have made another.
        """
        message = self._offer.message
        pasted, handover = self.pasted(), self._live.handover
        if not self._live.runtime.controls.shows:
            return pasted and handover is not None and await self._prompt.alone(handover.trace)
        stands = read_input_line(view_of(self._live), message.id)
        if stands in (InputLine.OURS, InputLine.NOTHING):
            return stands is InputLine.OURS
        if handover is not None and pasted and self._live.keyed == handover.touched:
            return True
        return stands is not InputLine.MIXED and self._live.keyed is None

    def pasted(self) -> bool:
        """Whether it is known that the text was pasted in this attempt."""
        message, handover = self._offer.message, self._live.handover
        return handover is not None and (handover.message, handover.attempt) == (message.id, message.attempts)

    async def _evidence(self) -> None:
        """Wait for evidence. A turn may keep what was typed into it for as long as it runs."""
        began = self._clock.monotonic()
        deadline = began + EVIDENCE
        while self._offer.stands() and self._clock.monotonic() < deadline:
            reading = await self._driver.look(screen=True)
            if not self._offer.stands() or view_of(self._live).dialog is not None:
                return
            handover, keeps = self._live.handover, self._offer.steers and in_turn(reading)
            entered = self._offer.entered
            if handover is not None:
                handover.queued = keeps and entered
            if not keeps:
                waited = self._clock.monotonic() - began
                if waited >= SIGN:
                    await self._offer.waits(SOUGHT)
                await self._clock.sleep(pace(waited, LOOK))
                continue
            deadline = self._clock.monotonic() + EVIDENCE
            if entered:
                await self._offer.waits(PENDING)
            await self._clock.sleep(LOOK * 10)


def in_turn(reading: Reading | None) -> bool:
    """Whether a turn runs."""
    return reading is not None and reading.state is SessionState.WORKING
