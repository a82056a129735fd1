"""Hands one message to a session, idle or in a turn: paste, check, Enter, evidence. Only Enter is repeated.

Nothing is pasted into a dialog or a draft, and no Enter goes to a screen that is not known to be the prompt
with our text, and only our text, in it. What a person types between the last look and the Enter, some
milliseconds, cannot be seen.
"""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from roost.core.messages import envelope
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.commands import Offer
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.limits import POINTER_BYTES
from roost.core.vocabulary.message import PENDING, Examination, Message, MessageState, Timing
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.input_line import TYPING, InputLine, read_input_line
from roost.daemon.session.driver import Driver
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.state.fleet import Fleet
from roost.host.errors import PaneInMode, PasteRefused, TmuxError, TmuxGone
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.terminals import PasteOutcome
from roost.runtimes.view import Composer, Reading, View

DRAFT_WAIT = 20.0
"""Seconds to wait for a person to finish a draft, before the offer is put off."""
MIXED_WAIT = 600.0
"""Seconds to wait until a person has sent or removed a draft with our text in it, before that is in doubt."""
RENDER = 15.0
"""Seconds for a paste to appear in the input line: 100 KiB take some on a busy machine."""
SHOW = 2.0
"""Seconds after which a program that is not known to show what is pasted is taken for one that does not."""
ENTERS = (1.0, 2.0, 4.0, 8.0)
"""Seconds to wait for evidence after each Enter, while the text still stands in the input line."""
EVIDENCE = 30.0
"""Seconds to wait for evidence once the input line is empty again."""
SIGN = 5.0
"""Seconds without evidence until that is said."""
UNSEEN_WAIT = 600.0
"""Seconds to look for a prompt, an answer or anything else that tells what became of an offer."""
ABANDONED = 60.0
"""Seconds without a key of whoever is attached until a text of ours, whose message is over, is taken back."""
LOOK = 0.01
_TYPES = "a person is typing in its terminal"
_DRAFT = "a draft stands in its input line"
_SOUGHT = "it was handed over, and nothing tells yet that it was taken"
_PERSON = (_TYPES, _DRAFT)
_TAKES = (SessionState.IDLE, SessionState.WORKING)
"""States in which a program that can be steered takes text; the turn may have ended meanwhile."""
_MIXED = "a draft stands in its input line beside the message or in its place: send or clear it"


class Delivery:
    """One offer, or the examination of an earlier one."""

    def __init__(self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock) -> None:
        """Deliver to this session."""
        self._live = live
        self._driver = driver
        self._fleet = fleet
        self._clock = clock
        self._touched: float | None = None
        self._left_alone = False

    async def offer(self, command: Offer, text: str, spool: Path) -> Event | None:
        """Carry out an offer; returns the event that ends it, None when evidence has ended it already."""
        message = command.message
        try:
            refusal = await self.clear(message, steers=command.steers)
        except TmuxError as error:
            return self._failed(message, certain=True, why=f"tmux: {error.message}")
        if refusal is not None:
            return self._failed(message, certain=True, why=refusal, person=refusal in _PERSON)
        await self._waits(message, message.why)  # nothing is in its way any more
        try:
            outcome = await self._live.terminal.paste(text.encode(), spool)
        except PasteRefused as error:
            return self._failed(message, certain=True, why=error.message)
        except TmuxError as error:
            return self._failed(message, certain=False, why=f"the paste was cut short: {error.message}")
        if outcome is PasteOutcome.DEAD:
            return self._failed(message, certain=True, why="the agent was gone before the paste")
        self._live.handover = HandOver(
            message.id, message.attempts, self._clock.monotonic(), touched=self._touched
        )
        return await self._submitted(message)

    async def clear(self, message: Message | None = None, *, steers: bool = False) -> str | None:
        """Wait for an empty input line at the prompt and nobody at the keys; the reason when that fails.

        Meanwhile what is waited for is shown with `message`. `steers`: a turn may run.
        """
        deadline = self._clock.monotonic() + DRAFT_WAIT
        while True:
            reading = await self._driver.look(screen=True)
            view = self._view()
            if view.dialog is not None:
                return f"a dialog is open: {view.dialog}"
            if reading is not None and (_busy(reading, view) if not steers else reading.state not in _TAKES):
                return f"it is not at its prompt: {_state(reading)}"
            why = await self._occupied(view) if reading is not None else self._driver.missing()
            if why is None or self._clock.monotonic() >= deadline:
                return why
            if message is not None:
                await self._waits(message, why)
            await self._clock.sleep(LOOK * 10)

    async def _occupied(self, view: View) -> str | None:
        """Why nothing can be pasted at this look; None when the input line is free."""
        match view.composer:
            case Composer.EMPTY:
                self._touched = await self._live.terminal.last_input()
                # A key in the future: the clock was set back since.
                typed = self._touched is not None and 0 <= self._clock.now() - self._touched < TYPING
                return _TYPES if typed else None
            case Composer.FILLED:
                await self._take_back()
                return _DRAFT
            case Composer.ELSEWHERE:
                return f"another view is open in its terminal: {view.shows}"
            case Composer.HIDDEN:
                return self._driver.missing()

    async def _take_back(self) -> None:
        """Empty the input line of a text of ours whose offer is over; whoever edits it is not disturbed."""
        clear, shown = self._live.runtime.controls.clear, envelope.shown_alone(self._view().draft)
        state = self._fleet.find(self._live.peer)
        if not clear or shown is None or state is None:
            return
        if shown == self._pasted(state) and self._live.rejected != shown:
            return
        touched = await self._live.terminal.last_input()
        if touched is None or self._clock.now() - touched >= ABANDONED:
            await self._live.terminal.keys(*clear)

    def _pasted(self, state: PeerState) -> str | None:
        """The id of the message that this very offer has pasted."""
        offered, handover = state.offered, self._live.handover
        if offered is None or handover is None:
            return None
        same = (handover.message, handover.attempt) == (offered.id, offered.attempts)
        return offered.id if same else None

    async def _cleaned(self) -> None:
        """After a refusal: the program may put the text back into its input line."""
        deadline = self._clock.monotonic() + ENTERS[0]
        while self._clock.monotonic() < deadline:
            reading = await self._driver.look(screen=True)
            idle = reading is not None and reading.state is SessionState.IDLE
            if idle and self._view().composer is Composer.FILLED:
                await self._take_back()
                return
            await self._clock.sleep(LOOK * 5)

    async def _submitted(self, message: Message) -> Event | None:
        """After the paste: Enter until the text leaves the input line, then wait for evidence."""
        try:
            await self.rendered(lambda: not self._offered(message))
            if await self._enter_unseen(message) or await self._enter_seen(message):
                self._live.entered = (message.id, message.attempts)
            if not self._left_alone:
                await self._evidence(message)
        except TmuxGone:
            pass
        except TmuxError as error:
            return self._failed(message, certain=False, why=f"tmux: {error.message}")
        if not self._offered(message):
            if self._live.rejected == message.id:
                await self._cleaned()
            return None
        view = self._view()
        why = f"a dialog is open: {view.dialog}" if view.dialog else "no evidence that it took the message"
        why = _MIXED if self._left_alone else why
        if self._live.handover is not None:
            why = f"{why} ({self._live.handover.words(self._clock.monotonic())})"
        return self._failed(message, certain=False, why=why)

    async def rendered(self, over: Callable[[], bool]) -> None:
        """Wait until the pasted text shows in the input line, or it is `over`, then the runtime's delay."""
        most = RENDER if self._live.runtime.controls.shows else SHOW
        deadline = self._clock.monotonic() + most
        while self._clock.monotonic() < deadline and not over():
            await self._driver.look(screen=True)
            if self._view().composer is Composer.FILLED or self._view().dialog is not None:
                break
            await self._clock.sleep(LOOK / 5)
        if self._live.runtime.submit_delay:
            await self._clock.sleep(self._live.runtime.submit_delay)

    async def _enter_unseen(self, message: Message) -> bool:
        """Press Enter once where our text does not show, in a program that is not known to show any.

        What was pasted comes before the key in any case. Nothing is pressed after a key of somebody else.
        """
        view, handover = self._view(), self._live.handover
        if self._live.runtime.controls.shows or handover is None or not self._offered(message):
            return False
        if view.dialog is not None or view.composer is not Composer.EMPTY:
            return False
        if await self._live.terminal.last_input() != handover.touched:
            return False
        handover.enters += 1  # before: a server that goes away with it may have passed it on
        try:
            await self._live.terminal.keys("Enter")
        except PaneInMode:
            handover.enters -= 1
            return False
        return True

    async def _enter_seen(self, message: Message) -> bool:
        """Press Enter, again and again while our text stands there; whether it has left the input line."""
        for wait in ENTERS:
            if not await self._enter(message):
                break
            if await self._left(message, wait):
                return True
        return False

    async def _enter(self, message: Message) -> bool:
        """Press Enter if our text stands at the prompt; False when it does not, or evidence has come."""
        await self._driver.look(screen=True)
        view = self._view()
        if not self._offered(message) or view.dialog is not None or view.composer is not Composer.FILLED:
            return False
        self._left_alone = not await self._ours(message)
        if self._left_alone:
            await self._waits(message, _MIXED)
            return False
        handover = self._live.handover or HandOver(message.id, message.attempts, self._clock.monotonic())
        handover.enters += 1
        try:
            await self._live.terminal.keys("Enter")
        except PaneInMode as error:
            handover.enters -= 1
            await self._waits(message, error.message)
            return await self._mode_left(message)
        return True

    async def _mode_left(self, message: Message) -> bool:
        """Wait until the keys go to the program again; False when that takes too long."""
        deadline = self._clock.monotonic() + MIXED_WAIT
        while self._offered(message) and self._clock.monotonic() < deadline:
            await self._driver.look(screen=True)
            if self._live.frame is None or not self._live.frame.mode:
                return await self._enter(message)
            await self._clock.sleep(LOOK * 10)
        return False

    async def _left(self, message: Message, wait: float) -> bool:
        """Whether the text has left the input line, or evidence has come, within `wait` seconds."""
        deadline = self._clock.monotonic() + wait
        while self._clock.monotonic() < deadline:
            await self._driver.look(screen=True)
            if not self._offered(message) or self._view().composer is not Composer.FILLED:
                return True
            await self._clock.sleep(LOOK)
        return False

    async def examine(self, message: Message, *, settle: float) -> f.Examined:
        """Find out whether an earlier offer reached this session, before anything is pasted again.

        Absent needs all of: idle, an empty input line, and no record of the id for `settle` seconds; and a
        record that could hold it, and no Enter of ours that took the text away.
        """
        quiet = mixed = None
        unseen = self._clock.monotonic()
        while self._offered(message):
            reading = await self._driver.look(screen=True)
            view, now = self._view(), self._clock.monotonic()
            if reading is not None:
                unseen = now
            elif now - unseen >= UNSEEN_WAIT:
                return f.Examined(message.id, Examination.UNCLEAR, self._driver.missing())
            if reading is None or reading.state is SessionState.BLOCKED:
                await self._waits(message, reading.why if reading is not None else self._driver.missing())
            idle = reading is not None and reading.state is SessionState.IDLE and view.dialog is None
            takes = idle or (self._steers(message) and _in_turn(reading) and view.dialog is None)
            if idle and view.composer is Composer.EMPTY:
                quiet = now if quiet is None else quiet
                if now - quiet >= settle:
                    return self._unrecorded(message)
            else:
                quiet = None
            if takes and view.composer is Composer.FILLED:
                if await self._ours(message):
                    await self._submitted(message)
                    continue
                mixed = now if mixed is None else mixed
                if now - mixed >= MIXED_WAIT:
                    return f.Examined(message.id, Examination.UNCLEAR, _MIXED)
                await self._waits(message, _MIXED)
            await self._clock.sleep(LOOK * (5 if idle else 10))
        return f.Examined(message.id, Examination.FOUND, "its record names the message")

    def _unrecorded(self, message: Message) -> f.Examined:
        """At its prompt, nothing typed, no record: pasted again only if that proves it was not pasted."""
        if self._live.entered == (message.id, message.attempts):
            why = "it was handed over, and no record names it"
            return f.Examined(message.id, Examination.UNCLEAR, why)
        if not self._live.sensor.records:
            why = "its program keeps no record that could tell"
            return f.Examined(message.id, Examination.UNCLEAR, why)
        if not self._live.sensor.current:
            why = "it is not known which record its program writes now"
            return f.Examined(message.id, Examination.UNCLEAR, why)
        why = "at its prompt, nothing typed, no record of the message"
        return f.Examined(message.id, Examination.ABSENT, why)

    async def _ours(self, message: Message) -> bool:
        """Whether the text in the input line is our paste and nothing else.

        Sure is what it shows, and that nobody has pressed a key since it was empty. Where neither can be
        said, a lone placeholder of a paste is ours if nobody is there who could have made another.
        """
        stands = read_input_line(self._view(), message.id)
        if stands in (InputLine.OURS, InputLine.NOTHING):
            return stands is InputLine.OURS
        terminal, handover = self._live.terminal, self._live.handover
        pasted = handover is not None and (handover.message, handover.attempt) == (
            message.id,
            message.attempts,
        )
        if handover is not None and pasted and await terminal.last_input() == handover.touched:
            return True
        return stands is not InputLine.MIXED and await terminal.clients() == 0

    async def _evidence(self, message: Message) -> None:
        """Wait for evidence. A turn may keep what was typed into it for as long as it runs."""
        began = self._clock.monotonic()
        deadline = began + EVIDENCE
        while self._offered(message) and self._clock.monotonic() < deadline:
            reading = await self._driver.look(screen=True)
            if not self._offered(message) or self._view().dialog is not None:
                return
            handover, keeps = self._live.handover, self._steers(message) and _in_turn(reading)
            entered = self._live.entered == (message.id, message.attempts)
            if handover is not None:
                handover.queued = keeps and entered
            if not keeps:
                if self._clock.monotonic() - began >= SIGN:
                    await self._waits(message, _SOUGHT)
                await self._clock.sleep(LOOK)
                continue
            deadline = self._clock.monotonic() + EVIDENCE
            if entered:
                await self._waits(message, PENDING)
            await self._clock.sleep(LOOK * 10)

    def _steers(self, message: Message) -> bool:
        """Whether the message may be typed into a running turn."""
        return message.timing is Timing.NOW and self._live.runtime.traits.steers

    def _offered(self, message: Message) -> bool:
        state = self._fleet.find(self._live.peer)
        current = state.message(message.id) if state else None
        if current is None or current.state is not MessageState.OFFERED:
            return False
        return current.attempts == message.attempts

    def _view(self) -> View:
        return self._live.view or View(Composer.HIDDEN)

    async def _waits(self, message: Message, why: str) -> None:
        """Show what the offer waits for."""
        state = self._fleet.find(self._live.peer)
        current = state.message(message.id) if state else None
        if current is not None and current.why != why:
            waits = f.OfferWaits(self._live.session.id, message.id, message.attempts, why)
            await self._fleet.report(self._live.peer, waits)

    def _failed(self, message: Message, *, certain: bool, why: str, person: bool = False) -> f.OfferFailed:
        return f.OfferFailed(self._live.session.id, message.id, certain, why, message.attempts, person)


def _busy(reading: Reading, view: View) -> bool:
    return reading.state is not SessionState.IDLE or view.busy


def _in_turn(reading: Reading | None) -> bool:
    return reading is not None and reading.state is SessionState.WORKING


def _state(reading: Reading | None) -> str:
    """Why a session is not offered anything: what it says of itself, else what its screen shows."""
    if reading is None:
        return "no evidence of its state"
    return reading.why if reading.state is not SessionState.IDLE else "its screen shows a turn"


async def paste_text(
    message: Message,
    seed: str,
    body: bytes,
    spill: Callable[[Message, str], Coroutine[Any, Any, str]],
    *,
    redrive: bool,
) -> str:
    """The text to paste for a message; `spill` writes a long body to a file and returns its path."""
    mark = envelope.boundary(seed, message.id, message.attempts)
    if redrive:
        return envelope.wrap_redrive(message, mark)
    shown = body.decode("utf-8", "replace")
    if len(body) > POINTER_BYTES:
        shown = envelope.pointer(await spill(message, shown), len(body))
    return envelope.wrap(message, shown, mark)
