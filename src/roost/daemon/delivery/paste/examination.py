"""The examination of an offer in doubt whose session lives: has it arrived, or does it still stand there?"""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Examination, Message
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste import label
from roost.daemon.delivery.paste.prompt import LOOK, Prompt
from roost.daemon.delivery.paste.submission import MIXED, MIXED_WAIT, Submission, in_turn
from roost.daemon.session.driver import Driver
from roost.daemon.session.free_line import Draws
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.session.window import view_of
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Composer, Reading, View

STILL = 10.0
"""Seconds without any change on the screen after which an Enter counts as lost."""
READ = 15.0
"""Seconds for which an input line must be empty where the terminal tells that a text was pasted: on a busy
machine its program may not have read that yet, nor drawn it."""
UNSEEN_WAIT = 600.0
"""Seconds to look for a prompt, an answer or anything else that tells what became of an offer."""
UNKEPT = "its program keeps no record that could tell"
"""Why it cannot be known what became of an offer."""


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
        self._quiet: float | None = None
        self._mixed: float | None = None
        self._unseen = 0.0
        self._still: tuple[str, float] | None = None
        self._submission = Submission(live, driver, clock, prompt, self._offer)

    async def run(self, *, settle: float) -> f.Examined:
        """Find out whether an earlier offer reached this session, before anything is pasted again.

        Absent needs all of: idle, an empty input line, and no record of the id for `settle` seconds; and a
        record that could hold it, and no Enter of ours that took the text away. `READ` seconds where it is
        known to have been pasted.
        """
        if not self._live.runtime.controls.shows and not await self._restored(settle):
            return self._found(Examination.ABSENT, "its terminal tells that nothing of it was pasted")
        settle = max(settle, READ) if await self._may_be_unread() else settle
        self._unseen = self._clock.monotonic()
        while self._offer.stands():
            found = await self._step(settle)
            if found is not None:
                return found
        return self._offer.over()

    async def _step(self, settle: float) -> f.Examined | None:
        """One look, and what it allows to do; None: it has to be looked at again."""
        reading = await self._driver.look(screen=True)
        view, now = view_of(self._live), self._clock.monotonic()
        if reading is not None:
            self._unseen = now
        elif now - self._unseen >= UNSEEN_WAIT:
            return self._found(Examination.UNCLEAR, self._driver.missing())
        idle = reading is not None and reading.state is SessionState.IDLE and view.dialog is None
        unentered = self._unentered(reading, view)
        if (reading is None and not unentered) or (reading and reading.state is SessionState.BLOCKED):
            await self._offer.waits(reading.why if reading is not None else self._driver.missing())
        if idle and view.composer is Composer.EMPTY and not unentered:
            self._quiet = now if self._quiet is None else self._quiet
            if now - self._quiet >= settle:
                return self._unrecorded()
        else:
            self._quiet = None
        takes = idle or (self._offer.steers and in_turn(reading) and view.dialog is None)
        if unentered or (takes and view.composer is Composer.FILLED):
            if await self._submission.is_ours():
                await self._submission.submit()
                return None
            self._mixed = now if self._mixed is None else self._mixed
            if now - self._mixed >= MIXED_WAIT:
                return self._found(Examination.UNCLEAR, MIXED)
            await self._offer.waits(MIXED)
        await self._clock.sleep(LOOK * (5 if idle else 10))
        return None

    async def _restored(self, settle: float) -> bool:
        """Whether its text may have been pasted; what an earlier daemon did is taken from the terminal."""
        live, message = self._live, self._offer.message
        passed = await live.terminal.passed()
        if passed is not None and not label.of(message, passed.pasted):
            await self._clock.sleep(settle)  # what that daemon has told tmux may be on its way
            passed = await live.terminal.passed()
        if passed is None or not label.of(message, passed.pasted):
            return passed is None
        entered = label.of(message, passed.keyed)
        if not self._submission.pasted():
            trace, now = label.trace_of(passed.pasted), self._clock.monotonic()
            live.handover = HandOver(message.id, message.attempts, now, int(entered), trace=trace)
        if entered:
            live.entered = (message.id, message.attempts)
        return True

    async def _may_be_unread(self) -> bool:
        """Whether it was pasted, and not entered, by what the terminal tells."""
        message, passed = self._offer.message, await self._live.terminal.passed()
        if passed is None:
            return False
        return label.of(message, passed.pasted) and not label.of(message, passed.keyed)

    def _unentered(self, reading: Reading | None, view: View) -> bool:
        """Whether our text stands pasted where its program need not show it, and lacks its Enter.

        A prompt that is known to go away while a text stands there proves that somebody has cleared it.
        """
        if self._live.runtime.controls.shows or not self._submission.pasted():
            return False
        if self._offer.entered and not self._stands(view):
            return False
        if view.dialog is not None or (reading is not None and reading.state is not SessionState.IDLE):
            return False
        proves = self._live.runtime.controls.empty or self._live.free.draws is Draws.PROMPT
        return not (proves and view.composer is Composer.EMPTY)

    def _stands(self, view: View) -> bool:
        """Whether an Enter was lost: the prompt is known to go away while a text stands, and nothing moves.

        Qwen Code 0.15.10: an Enter that comes while it still reads a paste of 100 KiB, for seconds, is lost.
        """
        now, screen = self._clock.monotonic(), self._live.screen
        if not self._live.runtime.controls.empty or view.busy or view.composer is not Composer.FILLED:
            self._still = None
            return False
        if self._still is None or self._still[0] != screen:
            self._still = screen, now
        if now - self._still[1] < STILL:
            return False
        self._still = None
        return True

    def _unrecorded(self) -> f.Examined:
        """At its prompt, nothing typed, no record: pasted again only if that proves it was not pasted."""
        if self._offer.entered:
            told = "no record names it" if self._live.sensor.records else UNKEPT
            why = f"it was handed over, and {told}"
            return self._found(Examination.UNCLEAR, why)
        if not self._live.runtime.controls.shows and not self._submission.pasted():
            why = "it may stand in its input line, which does not show it"
            return self._found(Examination.UNCLEAR, why)
        if not self._live.sensor.records:
            return self._found(Examination.UNCLEAR, UNKEPT)
        if not self._live.sensor.current:
            why = "it is not known which record its program writes now"
            return self._found(Examination.UNCLEAR, why)
        why = "at its prompt, nothing typed, no record of the message"
        return self._found(Examination.ABSENT, why)

    def _found(self, verdict: Examination, why: str) -> f.Examined:
        return f.Examined(self._offer.message.id, verdict, why)
