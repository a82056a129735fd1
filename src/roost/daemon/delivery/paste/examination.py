"""The examination of an offer in doubt whose session lives: has it arrived, or does it still stand there?"""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Examination, Message
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste.prompt import LOOK, Prompt
from roost.daemon.delivery.paste.submission import MIXED, MIXED_WAIT, Submission, in_turn
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.window import view_of
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Composer

UNSEEN_WAIT = 600.0
"""Seconds to look for a prompt, an answer or anything else that tells what became of an offer."""


class LiveExamination:
    """One look for one message, for as long as it takes."""

    def __init__(
        self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock, message: Message
    ) -> None:
        """Look for this message in this session."""
        self._live = live
        self._driver = driver
        self._clock = clock
        self._offer = OpenOffer(live, fleet, message)
        prompt = Prompt(live, driver, fleet, clock)
        self._submission = Submission(live, driver, clock, prompt, self._offer)

    async def run(self, *, settle: float) -> f.Examined:
        """Find out whether an earlier offer reached this session, before anything is pasted again.

        Absent needs all of: idle, an empty input line, and no record of the id for `settle` seconds; and a
        record that could hold it, and no Enter of ours that took the text away.
        """
        quiet = mixed = None
        unseen = self._clock.monotonic()
        while self._offer.stands():
            reading = await self._driver.look(screen=True)
            view, now = view_of(self._live), self._clock.monotonic()
            if reading is not None:
                unseen = now
            elif now - unseen >= UNSEEN_WAIT:
                return self._found(Examination.UNCLEAR, self._driver.missing())
            if reading is None or reading.state is SessionState.BLOCKED:
                await self._offer.waits(reading.why if reading is not None else self._driver.missing())
            idle = reading is not None and reading.state is SessionState.IDLE and view.dialog is None
            takes = idle or (self._offer.steers and in_turn(reading) and view.dialog is None)
            if idle and view.composer is Composer.EMPTY:
                quiet = now if quiet is None else quiet
                if now - quiet >= settle:
                    return self._unrecorded()
            else:
                quiet = None
            if takes and view.composer is Composer.FILLED:
                if await self._submission.is_ours():
                    await self._submission.submit()
                    continue
                mixed = now if mixed is None else mixed
                if now - mixed >= MIXED_WAIT:
                    return self._found(Examination.UNCLEAR, MIXED)
                await self._offer.waits(MIXED)
            await self._clock.sleep(LOOK * (5 if idle else 10))
        return self._found(Examination.FOUND, "its record names the message")

    def _unrecorded(self) -> f.Examined:
        """At its prompt, nothing typed, no record: pasted again only if that proves it was not pasted."""
        if self._offer.entered:
            why = "it was handed over, and no record names it"
            return self._found(Examination.UNCLEAR, why)
        if not self._live.sensor.records:
            why = "its program keeps no record that could tell"
            return self._found(Examination.UNCLEAR, why)
        if not self._live.sensor.current:
            why = "it is not known which record its program writes now"
            return self._found(Examination.UNCLEAR, why)
        why = "at its prompt, nothing typed, no record of the message"
        return self._found(Examination.ABSENT, why)

    def _found(self, verdict: Examination, why: str) -> f.Examined:
        return f.Examined(self._offer.message.id, verdict, why)
