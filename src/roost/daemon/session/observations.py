"""What is observed of a session's state, told to the fleet when it has changed."""

from contextlib import suppress

from roost.core.messages import envelope
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.session.facts import ASKED
from roost.daemon.session.known_session import KnownSession
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.window import Window
from roost.errors import StoreError
from roost.host.interfaces.clock import Clock
from roost.runtimes.facts import INTERRUPTED
from roost.runtimes.view import Composer, Reading

IDLE_AGAIN = 1.5
"""Seconds at the prompt after a message was taken until its turn counts as over without a record of that."""
UNRECORDED = 4.0
"""The same where the program keeps a record of ends: it may be late in writing it."""
LEAVES = 6.0
"""The same where the turn was broken off as by a program that leaves: one that is ended takes up to four."""
UNSEEN = 2.0
"""Seconds without any evidence of its state until a session is unknown: programs redraw their screens."""


class Observations:
    """Tells of the state of one live session."""

    def __init__(self, live: LiveSession, known: KnownSession, window: Window, clock: Clock) -> None:
        """Tell of this session; what it shows in place of a prompt is asked of its window."""
        self._live = live
        self._known = known
        self._window = window
        self._clock = clock
        self._idle_from: float | None = None
        self._unseen_from: float | None = None
        self._stirs = False
        self._told_at = clock.monotonic()

    @property
    def unseen(self) -> bool:
        """Whether nothing showed its state when it was looked at last."""
        return self._unseen_from is not None

    def stirred(self) -> None:
        """Something has happened in it."""
        self._stirs = True

    async def tell(self, reading: Reading | None) -> None:
        """Tell the fleet of a changed state, and of a turn that ended without a record of its end."""
        live, session = self._live, self._known.session()
        if session is None or live.lost:
            return
        if reading is None:
            await self._tell_unseen(session)
            return
        self._unseen_from = None
        turn = any(message.state is MessageState.ACCEPTED for message in self._known.flight())
        self._note_put_back(reading, turn=turn)
        if reading.state is not SessionState.IDLE or not turn:
            self._idle_from = None
        elif self._idle_from is None:
            self._idle_from = self._clock.monotonic()
        elif self._clock.monotonic() - self._idle_from >= self._settle():
            self._idle_from = None
            with suppress(StoreError):  # judged after the same time again
                await self._tell_end(session)
        asks = reading.asks if reading.state is not SessionState.UNKNOWN else None
        shown = (session.state, session.why, session.background, session.asks if asks is not None else None)
        why = f"{live.misplaced.why}; {reading.why}" if live.misplaced is not None else reading.why
        if (reading.state, why, reading.background, asks) != shown or self._life_due(reading):
            seen = f.Observed(live.session.id, reading.state, why, None, reading.background, asks)
            self._told_at, self._stirs = self._clock.monotonic(), False
            await self._known.tell(seen)

    def _note_put_back(self, reading: Reading, *, turn: bool) -> None:
        """Whether a person has ended its turn before any output, which puts the prompt back.

        It counts after it was seen at work alone: just after our Enter the text may still stand there.
        """
        live, view = self._live, self._live.view
        if not turn or reading.state is SessionState.WORKING:
            live.worked, live.put_back = turn, False
        elif reading.state is SessionState.IDLE and live.worked and view is not None:
            ours = any(envelope.stands_alone(view.draft, message.id) for message in self._known.flight())
            filled = view.composer is Composer.FILLED and (ours or view.collapsed)
            live.put_back = live.put_back or (filled and not live.answered)

    async def left(self) -> None:
        """Its program has ended: tell of a turn that a person had ended; what ran is left to the death."""
        if not self._live.put_back or self._known.session() is None:
            return
        asked = any(message.id in self._live.interrupting for message in self._known.flight())
        why = ASKED if asked else f"{INTERRUPTED}; its text stood in the input line again"
        session, evidence = self._live.session.id, "it was at its prompt again"
        await self._known.tell(f.TurnEnded(session, evidence, why, interrupted=True))

    def _life_due(self, reading: Reading) -> bool:
        """Whether it is time to tell that something happens in the turn of a task."""
        state = self._known.state()
        if not self._stirs or state is None or reading.state is not SessionState.WORKING:
            return False
        settings = state.peer.settings
        waited = self._clock.monotonic() - self._told_at
        return settings.wake is WakePolicy.EPHEMERAL and waited >= settings.silence / 4

    async def _tell_unseen(self, session: Session) -> None:
        """What was seen once does not count for ever: a state without evidence is unknown after a moment."""
        self._idle_from, now = None, self._clock.monotonic()
        if not session.ready:
            return
        if self._unseen_from is None:
            self._unseen_from = now
        why = self._window.missing()
        if now - self._unseen_from >= UNSEEN and (session.state, session.why) != (SessionState.UNKNOWN, why):
            await self._known.tell(f.Observed(self._live.session.id, SessionState.UNKNOWN, why))

    def _settle(self) -> float:
        if self._live.broken is not None:
            return LEAVES
        return UNRECORDED if self._live.runtime.controls.tells else IDLE_AGAIN

    async def _tell_end(self, session: Session) -> None:
        """Tell of the end of a turn. Raises StoreError.

        One that was broken off while the session is being ended is left to its death, unless it lives on.
        """
        broken = self._live.broken
        if broken is None:
            await self._known.tell(await self._unrecorded_end())
        elif session.ending is None:
            self._live.broken = None
            await self._known.tell(broken.end)

    async def _unrecorded_end(self) -> f.TurnEnded:
        """It is at its prompt again and wrote nothing down; a turn without any answer was none.

        Claude Code 2.1.328: Escape before the first output puts the prompt back into the input line. A reply
        that is stored is an answer, too: a program may keep no record, or be unable to write it. Raises
        StoreError.
        """
        session, view, flight = self._live.session.id, self._live.view, self._known.flight()
        if any(message.id in self._live.interrupting for message in flight):
            return f.TurnEnded(session, "it is at its prompt again", ASKED, interrupted=True)
        offered = any(message.state is MessageState.OFFERED for message in flight)
        replied = await self._known.has_replied()
        if view is not None and view.composer is Composer.FILLED and not (offered or replied):
            why = f"{INTERRUPTED}; its text may stand in the input line"
            return f.TurnEnded(session, "it is at its prompt again", why, interrupted=True)
        if self._live.runtime.controls.tells and not (self._live.answered or replied):
            why = "it is at its prompt again, and its record holds no answer to the message"
            return f.TurnEnded(session, "it is at its prompt again", why, interrupted=True)
        return f.TurnEnded(session, "it is at its prompt again")
