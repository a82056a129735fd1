"""When the input line of a program, which may show nothing of what stands there, was last known to be free.

Its prompt on the screen proves that only where it was seen to go away while a text stood there. Otherwise
somebody's draft may stand there unseen as soon as a key was pressed after that time.

Where the clock was set back since, that time is still to come, and every key counts as earlier: it proves
nothing any more, also not once it has come.
"""

from enum import StrEnum

from roost.host.interfaces.terminals import Presence
from roost.runtimes.view import Composer, View

_STEP = 8.0
_MOMENT = 1.0
"""Seconds: the steps in which a terminal tells when it was read, and what reading an Enter may take."""
NOBODY = "0/-"
"""The trace of a terminal that nobody ever joined."""


class Draws(StrEnum):
    """What a program did with a pasted text: its prompt went away, only the text showed, neither."""

    UNKNOWN = "unknown"
    PROMPT = "prompt"
    TEXT = "text"
    NOTHING = "nothing"


class FreeLine:
    """Of one session. `at`: Unix seconds. `trace`: of those at the keys then, or before.

    tmux tells keys to the second: those of the same second count as earlier. `rest` is what stood behind its
    prompt then.
    """

    def __init__(self, at: float = 0.0, *, ready: bool = False) -> None:
        """Free as the program starts; one that is `ready` already was seen so by an earlier daemon."""
        self.at = at
        self.trace = NOBODY
        self.draws = Draws.UNKNOWN
        self.rest: str | None = None
        self.restored = not ready
        self._old = ready
        self._away = not ready
        self._turn: float | None = None
        self._looked = False
        self._written: float | None = None

    def seen(self, view: View, now: float) -> None:
        """A look: a prompt that comes back stands alone, but for what was typed while the program worked."""
        self._check(now)
        self._old = self._old and not self._looked
        self._looked = True
        if view.busy:
            self._turn = now if self._turn is None else self._turn
            self._away = True
        elif view.dialog is not None or view.composer is not Composer.EMPTY:
            self._turn, self._away = None, True
        elif self._away:
            self._known(self._turn if self._turn is not None else now, now)
            self._turn, self._away = None, False

    def grew(self, now: float) -> None:
        """The program has written something down."""
        self._check(now)
        self._written = now if self._written is None else self._written

    def taken(self, now: float) -> None:
        """It has written down that it has taken what stood there; what it wrote earlier was long ago."""
        self._took(now, now)

    def ended(self, now: float) -> None:
        """It has written down the end of a turn, which began with the first that it wrote of it."""
        self._took(now if self._written is None else self._written, now)

    def _took(self, at: float, now: float) -> None:
        self._written = None
        if not self._old:
            self._known(at, now)

    def entered(self, at: float, trace: str, now: float) -> None:
        """A text of ours, and nothing else, was entered then."""
        self._known(at, now)
        self.trace = trace

    def _known(self, at: float, now: float) -> None:
        """As long as nobody comes or presses a key, a trace of an earlier time is that of now."""
        self._check(now)
        self.at = max(self.at, _past(at, now))

    def _check(self, now: float) -> None:
        """Forget times that are still to come."""
        self.at = _past(self.at, now)
        self._turn = _past(self._turn, now) if self._turn is not None else None
        self._written = _past(self._written, now) if self._written is not None else None

    def untouched(self, presence: Presence, now: float) -> bool:
        """Whether every key was pressed, and everybody came, before the time when it was free."""
        self._check(now)
        return presence.stirred <= self.at

    def holds(self, presence: Presence, view: View, read: float | None, now: float) -> bool:
        """Whether nobody can have left a draft since. `read`: when the program read its terminal last."""
        untouched = self.untouched(presence, now)
        if presence.trace == self.trace or untouched or self.draws is Draws.PROMPT:
            return True
        if self.draws is Draws.TEXT:
            return view.draft == (self.rest or "")
        return self._unread(presence, read)

    def _unread(self, presence: Presence, read: float | None) -> bool:
        """Whether all keys since were for tmux alone, as those of a person who looks and leaves."""
        alone = self.trace.endswith("/-")
        later = presence.joined // _STEP > (self.at + _MOMENT) // _STEP
        return alone and later and read is not None and read <= self.at + _MOMENT

    def drew(self, view: View, *, begins: bool, ends: bool) -> None:
        """How a paste shows, the beginning and the end of its text. A text that is cut off tells nothing."""
        if view.busy or view.dialog is not None or self.draws is Draws.PROMPT:
            return
        if not ends:
            nothing = not begins and view.composer is Composer.EMPTY and self.draws is Draws.UNKNOWN
            self.draws = Draws.NOTHING if nothing else self.draws
        elif begins and view.composer is Composer.FILLED:
            self.draws = Draws.PROMPT
        elif begins and view.draft != (self.rest or ""):
            self.draws = Draws.TEXT

    def note(self, view: View) -> None:
        """Its prompt stands there, free: what a program writes behind it is no draft."""
        self.rest = view.draft


def _past(at: float, now: float) -> float:
    """A time; 0, which proves nothing, for one that is still to come."""
    return at if at <= now else 0.0
