"""What a session's terminal shows, and how it gets its prompt back where nobody is there to give it back."""

from msgspec import Struct
from msgspec.structs import replace

from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.session.live_sessions import LiveSession
from roost.host.interfaces.clock import Clock
from roost.runtimes.screen import plain
from roost.runtimes.view import Composer, Reading, View

NARROW = 24
LOW = 6
"""Columns and rows below which a program has no room to show what stands in its input line."""
LEAVE = 3.0
"""Seconds that another view stands, with nobody attached and a message waiting, until its key is pressed."""
PRESSES = 3
"""How often its key is pressed: a view that stands after that, or has come back, needs a person."""
LEFT = 60.0
"""Seconds after the key until a prompt shows that the view was left, and did not come back at once."""
HOLDS = 100.0
RENEWED = 70.0
"""Seconds that what is told to attached people counts, and what is left of them when it is told again."""


class _Pressed(Struct, frozen=True):
    """The key that leaves a view was pressed: how often, and when last (monotonic seconds)."""

    shows: str
    times: int
    at: float


_NOTHING = _Pressed("", 0, 0.0)


class Window:
    """The terminal of one live session, looked at."""

    def __init__(self, live: LiveSession, clock: Clock) -> None:
        """Look at this session's terminal."""
        self._live = live
        self._clock = clock
        self._stands: tuple[str, float] | None = None
        self._pressed = _NOTHING
        self._told: tuple[str, float] = "", 0.0

    async def see(self) -> None:
        """Look once: at text, title, size and mode of one moment. Raises TmuxError.

        A mode of tmux or a small size that nobody is there to use goes away; the next look sees the rest.
        """
        live = self._live
        frame = await live.terminal.look(escapes=live.sensor.styled)
        live.frame = frame
        live.screen = plain(frame.text)
        live.view = live.sensor.on_screen(frame.text, frame.title)
        live.free.seen(live.view, self._clock.now())
        gone = live.view.composer in (Composer.EMPTY, Composer.FILLED)
        if gone and self._clock.monotonic() - self._pressed.at >= LEFT:
            self._pressed = _NOTHING
        if frame.mode or self._small():
            await live.terminal.settle()

    def judge(self, reading: Reading | None) -> Reading | None:
        """The reading, unless its prompt cannot be read, or a mode of tmux takes the keys for it.

        Of a view that its key does not leave it says so.
        """
        frame = self._live.frame
        if reading is not None and reading.state is SessionState.BLOCKED and self._stays():
            word = f"its key was pressed {PRESSES} times and does not leave it: a person has to"
            return replace(reading, why=f"{reading.why}; {word}")
        if frame is None or reading is None or reading.state is not SessionState.IDLE:
            return reading
        if self._small():
            return None
        if not frame.mode:
            return reading
        why = f"tmux's {frame.mode} is open in its terminal"
        return Reading(SessionState.BLOCKED, why, reading.background)

    def missing(self) -> str:
        """What is seen in place of a prompt, in words."""
        live = self._live
        if live.session.own_terminal:
            return "its program does not tell what it does"
        if live.shown_in is None:
            return "its server tells nothing of its state"
        if live.frame is not None and self._small():
            return f"its terminal is {live.frame.columns} columns wide and {live.frame.rows} rows high"
        if not live.screen.strip():
            return "its screen shows nothing"
        lines = [line.strip() for line in live.screen.splitlines() if line.strip()]
        shows = live.view.shows if live.view is not None and live.view.shows else lines[-1]
        return f"no prompt is on its screen; it shows: {shows[:160]}"

    async def give_back(self) -> None:
        """Leave another view, by the one key that is known to do nothing else, where nobody looks at it.

        A message waits; the key is pressed a few times for as long as the view stands. A person who has
        attached may have changed what it does. Raises TmuxError.
        """
        view, now = self._live.view, self._clock.monotonic()
        if (
            self._live.shown_in is None
            or view is None
            or view.composer is not Composer.ELSEWHERE
            or view.leave is None
        ):
            self._stands = None
        elif self._stands is None or self._stands[0] != view.shows:
            self._stands = view.shows, now
        elif now - self._stands[1] >= LEAVE:
            self._stands = view.shows, now
            if await self._live.terminal.clients():
                self._pressed = _NOTHING
            elif not self._stays():
                times = self._pressed.times if self._pressed.shows == view.shows else 0
                self._pressed = _Pressed(view.shows, times + 1, now)
                await self._live.terminal.keys(view.leave)

    def _stays(self) -> bool:
        """Whether the view that stands there is one that was left in vain."""
        view, pressed = self._live.view, self._pressed
        stands = view is not None and view.composer is Composer.ELSEWHERE and view.shows == pressed.shows
        return stands and pressed.times >= PRESSES

    async def tell(self, session: Session) -> None:
        """Tell whoever is attached what the session does, as the registry has it. Raises TmuxError."""
        if self._live.shown_in is None:
            return
        text = f"{session.peer}: {session.state}{f': {session.why}' if session.why else ''}"
        now = self._clock.now()
        if text != self._told[0] or not RENEWED < self._told[1] - now <= HOLDS:
            self._told = text, now + HOLDS
            await self._live.terminal.caption(*self._told)

    @property
    def covered(self) -> bool:
        """Whether a view or a mode stands that may be left once nobody is there."""
        return self._stands is not None or (self._live.frame is not None and bool(self._live.frame.mode))

    def _small(self) -> bool:
        frame = self._live.frame
        return frame is not None and (frame.columns < NARROW or frame.rows < LOW)


def view_of(live: LiveSession) -> View:
    """What the program was seen to show last; no input line, if nothing was seen yet."""
    return live.view or View(Composer.HIDDEN)
