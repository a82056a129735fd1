"""The prompt of a live session: waited for until text can be pasted there, and until pasted text shows.

Nothing is pasted into a dialog or a draft.
"""

from collections.abc import Callable

from roost.core.messages import envelope
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.open_offer import OpenOffer
from roost.daemon.delivery.paste import label
from roost.daemon.delivery.paste.input_line import TYPING
from roost.daemon.session.driver import Driver, pace
from roost.daemon.session.free_line import Draws
from roost.daemon.session.live_sessions import HandOver, LiveSession
from roost.daemon.session.window import view_of
from roost.daemon.state.fleet import Fleet
from roost.host.errors import PaneInMode
from roost.host.interfaces.clock import Clock
from roost.runtimes.view import Composer, Reading, View

DRAFT_WAIT = 20.0
"""Seconds to wait for a person to finish a draft, before the offer is put off."""
RENDER = 15.0
"""Seconds for a paste to appear in the input line: 100 KiB take some on a busy machine."""
REDRAW = 3.0
"""Seconds for what shows in the input line to be drawn once more: programs draw their screens in parts."""
SHOW = 2.0
"""Seconds after which a program that is not known to show what is pasted is taken for one that does not."""
ABANDONED = 60.0
"""Seconds without a key of whoever is attached until a text of ours, whose message is over, is taken back."""
CLEAR = 60.0
"""Seconds for a text of ours to be removed: a program may give a hundred lines back, and lose some a key."""
CLEAR_AGAIN = 0.5
"""Seconds until the keys that remove it are pressed again where the screen shows nothing of the last."""
LOOK = 0.01
"""Seconds between two looks at what changes at once."""
TYPES = "a person is typing in its terminal"
DRAFT = "a draft stands in its input line"
LEFT = (
    "keys were pressed in its terminal, and it does not show whether a draft stands in its input line;"
    " send that, or `roost restart` it"
)
UNENTERED = "an earlier text of ours is being entered"
_TAKES = (SessionState.IDLE, SessionState.WORKING)
"""States in which a program that can be steered takes text; the turn may have ended meanwhile."""


class Prompt:
    """Where text is pasted. `touched`: when a key was pressed last, as the input line was seen empty.

    `trace`: what the people at the terminal had left then, where its program may not show what they typed.
    """

    def __init__(self, live: LiveSession, driver: Driver, fleet: Fleet, clock: Clock) -> None:
        """The prompt of this session."""
        self._live = live
        self._driver = driver
        self._fleet = fleet
        self._clock = clock
        self.touched: float | None = None
        self.trace = ""

    async def wait_free(self, offer: OpenOffer | None = None, *, steers: bool = False) -> str | None:
        """Wait for an empty input line at the prompt and nobody at the keys; the reason when that fails.

        Meanwhile what is waited for is shown with `offer`. `steers`: a turn may run.
        """
        deadline = self._clock.monotonic() + DRAFT_WAIT
        while True:
            reading = await self._driver.look(screen=True)
            view = view_of(self._live)
            if view.dialog is not None:
                return f"a dialog is open: {view.dialog}"
            if reading is not None and (_busy(reading, view) if not steers else reading.state not in _TAKES):
                return f"it is not at its prompt: {_state(reading)}"
            why = await self._occupied(view) if reading is not None else self._driver.missing()
            if why is None or self._clock.monotonic() >= deadline:
                return why
            if offer is not None:
                await offer.waits(why)
            await self._clock.sleep(LOOK * 10)

    async def _occupied(self, view: View) -> str | None:
        """Why nothing can be pasted at this look; None when the input line is free."""
        match view.composer:
            case Composer.EMPTY:
                self.touched = self._live.keyed
                # A key in the future: the clock was set back since.
                typed = self.touched is not None and 0 <= self._clock.now() - self.touched < TYPING
                return TYPES if typed else await self._unseen(view)
            case Composer.FILLED:
                await self._take_back()
                return DRAFT
            case Composer.ELSEWHERE:
                return f"another view is open in its terminal: {view.shows}"
            case Composer.HIDDEN:
                return self._driver.missing()

    async def _unseen(self, view: View) -> str | None:
        """Why a draft may stand there that does not show; None where none can."""
        controls, terminal, free = self._live.runtime.controls, self._live.terminal, self._live.free
        if controls.shows:
            return None
        if not free.restored:
            passed = await terminal.passed()
            label.restore(free, passed, self._clock.now())
            self._live.handover = self._live.handover or label.unentered(passed)
        presence, handover = await terminal.presence(), self._live.handover
        self.trace = presence.trace
        if handover is not None and not handover.enters and presence.trace == handover.trace:
            await self.enter(handover)
            return UNENTERED
        now = self._clock.now()
        if not controls.empty and not free.holds(presence, view, await terminal.last_read(), now):
            return LEFT
        free.note(view)
        return None

    async def enter(self, handover: HandOver) -> None:
        """Press Enter for what was pasted in a program that need not show it. Raises PaneInMode."""
        live, now = self._live, self._clock.now()
        handover.enters += 1  # before: a server that goes away with it may have passed it on
        try:
            mark = label.entered_label(handover, now, live.free.draws)
            await live.terminal.keys("Enter", label=mark)
        except PaneInMode:
            handover.enters -= 1
            raise
        live.free.entered(now, handover.trace, now)

    async def alone(self, trace: str) -> bool:
        """Whether nobody but us can have typed since the people at the terminal had left that trace."""
        presence = await self._live.terminal.presence()
        return presence.trace == trace or self._live.free.untouched(presence, self._clock.now())

    async def mark_interrupt(self) -> str:
        """The label of a key that ends a turn now; "" where what then stands in the input line tells nothing.

        It was seen to be empty, and nobody is typing.
        """
        terminal = self._live.terminal
        if not self._live.runtime.controls.shows or view_of(self._live).composer is not Composer.EMPTY:
            return ""
        presence, passed = await terminal.presence(), await terminal.passed()
        typed = presence.keyed is not None and 0 <= self._clock.now() - presence.keyed < TYPING
        return label.interrupt_label(passed, presence.trace) if passed is not None and not typed else ""

    async def put_back(self) -> str | None:
        """The message whose prompt an interrupted program has put back as the placeholder of a paste.

        Claude Code 2.1.332 that may ask nobody for its features does so; each one has the next number.
        """
        if not view_of(self._live).collapsed:
            return None
        passed, presence = await self._live.terminal.passed(), await self._live.terminal.presence()
        return label.put_back(passed, presence.trace)

    async def _take_back(self) -> None:
        """Empty the input line of a text of ours whose offer is over; whoever edits it is not disturbed."""
        shown = envelope.shown_alone(view_of(self._live).draft) or await self.put_back()
        state = self._fleet.find(self._live.peer)
        if shown is None or state is None:
            return
        if shown == self._pasted(state) and self._live.rejected != shown:
            return
        touched = self._live.keyed
        if touched is None or not 0 <= self._clock.now() - touched < ABANDONED:  # see `_occupied`
            await self.clear()

    async def clear(self) -> None:
        """Empty the input line of a text that was seen to be ours, until somebody presses a key.

        The keys take some lines of it at a time, and are pressed again where a newer picture shows some left.
        Who else has seen the same text leaves it to this one.
        """
        live, clear = self._live, self._live.runtime.controls.clear
        if not clear or live.clearing:
            return
        live.clearing = True
        try:
            began = pressed = self._clock.monotonic()
            touched, seen = live.keyed, None
            while self._clock.monotonic() - began < CLEAR and live.keyed == touched:
                view, now = view_of(live), self._clock.monotonic()
                if view.composer is Composer.EMPTY or view.dialog is not None:
                    return
                drawn = live.screen != seen or now - pressed >= CLEAR_AGAIN
                if view.composer is Composer.FILLED and drawn:
                    seen, pressed = live.screen, now
                    await live.terminal.keys(*clear)
                await self._clock.sleep(LOOK * 5)
                await self._driver.look(screen=True)
        finally:
            live.clearing = False

    def _pasted(self, state: PeerState) -> str | None:
        """The id of the message that this very offer has pasted."""
        offered, handover = state.offered, self._live.handover
        if offered is None or handover is None:
            return None
        same = (handover.message, handover.attempt) == (offered.id, offered.attempts)
        return offered.id if same else None

    async def take_back_late(self, within: float) -> None:
        """After a refusal: the program may put the text back into its input line within that many seconds.

        Whoever types there meanwhile takes it back before that.
        """
        deadline = self._clock.monotonic() + within
        while self._clock.monotonic() < deadline and not self._live.typing.locked():
            async with self._live.typing:
                reading = await self._driver.look(screen=True)
                idle = reading is not None and reading.state is SessionState.IDLE
                if idle and view_of(self._live).composer is Composer.FILLED:
                    await self._take_back()
                    return
            await self._clock.sleep(LOOK * 5)

    async def wait_rendered(self, over: Callable[[], bool], seen: Callable[[str], bool]) -> bool:
        """Wait until the pasted text shows in the input line, or it is `over`, then the runtime's delay.

        Returns whether the latest look is of now: no such delay came after it. `seen` finds the text's end on
        the screen of a program that may not tell its input line from the rest; one that has not shown the
        text before is not waited for.
        """
        live, controls = self._live, self._live.runtime.controls
        shows = controls.shows or controls.empty
        most = RENDER if shows else SHOW if live.free.draws is not Draws.NOTHING else 0.0
        frame, began = live.frame, self._clock.monotonic()
        await self._driver.look(screen=False)  # the screen comes last: a quick program shows the text by then
        if live.frame is frame:  # in a turn it was not looked at
            await self._driver.look(screen=True)
        while not over():
            view = view_of(live)
            if view.composer is Composer.FILLED or view.dialog is not None:
                break
            waited = self._clock.monotonic() - began
            if (not shows and seen(live.screen)) or waited >= most:
                break
            await self._clock.sleep(pace(waited, LOOK / 10))
            await self._driver.look(screen=True)
        if self._live.runtime.submit_delay:
            await self._clock.sleep(self._live.runtime.submit_delay)
        return not self._live.runtime.submit_delay

    async def drawn(self, stands: Callable[[View], bool], over: Callable[[], bool]) -> View:
        """What shows once that `stands` there or a dialog does, or it is `over`.

        A look may fall between two pictures of a screen: what was pasted has this long to show again.
        """
        deadline = self._clock.monotonic() + REDRAW
        while True:
            await self._driver.look(screen=True)
            view = view_of(self._live)
            if stands(view) or view.dialog is not None or over() or self._clock.monotonic() >= deadline:
                return view
            await self._clock.sleep(LOOK)


def _busy(reading: Reading, view: View) -> bool:
    return reading.state is not SessionState.IDLE or view.busy


def _state(reading: Reading | None) -> str:
    """Why a session is not offered anything: what it says of itself, else what its screen shows."""
    if reading is None:
        return "no evidence of its state"
    return reading.why if reading.state is not SessionState.IDLE else "its screen shows a turn"
