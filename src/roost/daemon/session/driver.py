"""Watches one live session: reads its evidence, tells the fleet what it shows, brings it to its prompt.

Looks are frequent while something is expected (a boot, an offer, a turn). A session in which nothing goes on
by itself, at its prompt or in front of a person, is looked at when something in it has changed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState, WakePolicy
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.session.activity import traces_of
from roost.daemon.session.facts import ASKED, Facts
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.window import Window
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.daemon.state.threads import Threads
from roost.host.errors import TmuxError, TmuxGone
from roost.host.files import Tail
from roost.host.interfaces.clock import Clock
from roost.runtimes.facts import INTERRUPTED
from roost.runtimes.view import Answer, Composer, Reading

T = TypeVar("T")
EXPECTING = 0.02
WORKING = 0.1
QUIET = 30.0
"""Seconds between two looks while evidence is expected, during a turn, and while nothing shows any change."""
IDLE_AGAIN = 1.5
"""Seconds at the prompt after a message was taken until its turn counts as over without a record of that."""
UNRECORDED = 4.0
"""The same where the program keeps a record of ends: it may be late in writing it."""
UNSEEN = 2.0
"""Seconds without any evidence of its state until a session is unknown: programs redraw their screens."""
RECHECK = 1.0
"""Seconds between two looks at a session whose state cannot be seen."""
STATIC = 4.0
"""Seconds that an unknown start-up screen stands still until a person is asked to look."""
BLANK = 300.0
"""Seconds without any prompt or text until a boot has failed."""
STEADY = 0.2
"""Seconds that a start-up dialog stands still before its first key.

Claude Code 2.1.328 ignores an Enter within 0.05 s of it, Codex 0.169.0 lost one Escape in ten at first sight.
"""
KEY_AGAIN = 1.5
"""Seconds without any change of the screen after which the key counts as lost."""
UNREAD = "its record cannot be read"
"""How it begins that is said of a session whose record a disk does not give."""
CATCH_UP = 256
"""Further reads of a tail (1 MiB each) in one look: a conversation that is joined late has a long record."""


class Driver:
    """Drives one live session until it is gone."""

    def __init__(self, live: LiveSession, fleet: Fleet, clock: Clock, records: Threads) -> None:
        """Drive this session; `records` are the threads that read what its agent writes."""
        self._records = records
        self._live = live
        self._fleet = fleet
        self._clock = clock
        self._seen_at = clock.monotonic()
        self._booted_at = clock.monotonic()
        self._boot_screen: str = ""
        self._answered_at: float | None = None
        self._idle_from: float | None = None
        self._unseen_from: float | None = None
        self._stirs = False
        self._halted = False
        self._unread = ""
        self._told_at = clock.monotonic()
        self._window = Window(live, clock)
        self._facts = Facts(live, fleet, clock)

    async def run(self) -> None:
        """Look again and again; returns when the terminal is gone (its watchers tell the rest)."""
        live = self._live
        while True:
            session = self._session()
            if session is None:
                return
            try:
                in_turn = session.ready and session.state is SessionState.WORKING
                await self.look(screen=live.sensor.watches_screen or not in_turn)
                if session.state is SessionState.BLOCKED and self._mail():
                    await self._window.give_back()
                if not session.ready and not (self._halted or self._unread) and not await self._boot():
                    return
                if (shown := self._session()) is not None:
                    await self._window.tell(shown)
            except TmuxGone:
                return
            except TmuxError as error:
                await self._unheard(error)
            await self._pause()

    def _state(self) -> PeerState | None:
        return self._fleet.find(self._live.peer)

    def _session(self) -> Session | None:
        state = self._state()
        return state.find_session(self._live.session.id) if state is not None else None

    async def _pause(self) -> None:
        live, session = self._live, self._session()
        interval = self._interval(session) if session is not None else 0.0
        live.quiet = traces_of(live) if interval == QUIET else None
        await race(self._clock.sleep(interval), live.poke.wait())
        live.poke.clear()

    def _interval(self, session: Session) -> float:
        """Seconds until the next look, unless something pokes before."""
        flight = self._facts.flight()
        if self._halted or self._unread:
            return RECHECK
        if any(message.state is MessageState.OFFERED for message in flight):
            return WORKING if session.state is SessionState.WORKING else EXPECTING
        if not session.ready:
            return QUIET if session.state is SessionState.BLOCKED and self._boot_stands() else EXPECTING
        if self._unseen_from is not None and session.state is not SessionState.UNKNOWN:
            return WORKING
        if session.state is SessionState.UNKNOWN or self._window.covered:
            return RECHECK
        if session.state is SessionState.BLOCKED or (session.state is SessionState.IDLE and not flight):
            return QUIET
        return WORKING

    def missing(self) -> str:
        """What the latest look at the screen showed in place of a prompt, in words."""
        return self._unread or self._window.missing()

    def _mail(self) -> bool:
        """Whether a message waits for this session."""
        state = self._state()
        return state is not None and any(each.session != self._live.session.id for each in state.messages)

    def _boot_stands(self) -> bool:
        """Whether the start-up waits for a person: its screen stands and no key was pressed for it."""
        return self._answered_at is None and self._clock.monotonic() - self._seen_at >= STATIC

    async def look(self, *, screen: bool) -> Reading | None:
        """Read all evidence once and tell the fleet; returns the state it shows. Raises TmuxError.

        A session counts as idle only by what stands on its screen now, whatever else tells of it.
        """
        live = self._live
        async with live.looking:
            shown = live.screen
            if screen:
                await self._see()
            try:
                await self._records.run_for(live.session.id, self._read)
            except OSError as error:
                await self._unreadable(error)
                return None
            self._unread = ""
            found, lines, status = live.take()
            self._stirs = self._stirs or bool(lines) or live.screen != shown
            facts = [*found, *live.sensor.on_lines(lines)]
            if live.sensor.status_path(live.agent_pid) is not None:
                facts.extend(live.sensor.on_status(status))
            reading = live.sensor.reading()
            if not screen and (reading is None or reading.state is SessionState.IDLE):
                await self._see()
                reading = live.sensor.reading()
            reading = self._window.judge(reading)
            if self._halted:
                why = f"its process {live.agent_pid} is stopped; kill -CONT {live.agent_pid} lets it go on"
                reading = Reading(SessionState.BLOCKED, why, self._background(reading))
            for fact in facts:
                await self._facts.note(fact)
            await self._report(reading)
            return reading

    def _background(self, reading: Reading | None) -> str:
        """What goes on beside turns, by the latest that was read of it."""
        session = self._session()
        return (
            reading.background if reading is not None else session.background if session is not None else ""
        )

    async def _see(self) -> None:
        """Look at the screen. A terminal that does not answer is unknown until it answers again (N5)."""
        try:
            await self._window.see()
        except TmuxGone:
            raise
        except TmuxError as error:
            await self._unheard(error)
            raise

    async def _unreadable(self, error: OSError) -> None:
        """What cannot be read is unknown (N5); the reason stands until the record can be read again."""
        session, self._unread = self._session(), f"{UNREAD}: {error.strerror}"
        if session is not None and (session.state, session.why) != (SessionState.UNKNOWN, self._unread):
            await self._tell(f.Observed(session.id, SessionState.UNKNOWN, self._unread))

    async def _unheard(self, error: TmuxError) -> None:
        why = f"tmux: {error.message}"
        await self._tell(f.Observed(self._live.session.id, SessionState.UNKNOWN, why))

    async def collect(self, beside: Callable[[], T]) -> T:
        """Tell what the agent's own record still holds after its end: a turn may have ended just before.

        `beside` is called in the same thread, which is quicker than in its own; its result is returned.
        """
        async with self._live.looking:
            live = self._live
            _, result = await self._records.run_for(live.session.id, lambda: (self._read(), beside()))
            found, lines, _ = live.take()
            for fact in (*found, *live.sensor.on_lines(lines)):
                await self._facts.note(fact)
        return result

    def _read(self) -> None:
        """Blocking: what the sensor finds, new lines of the tails, and the status file, for `take`.

        It may come to its end long after it was given up: what it has read of a record is not lost.
        """
        live, session = self._live, self._session()
        with live.reading() as goes_on:
            if goes_on:
                self._read_all(live, session)

    def _read_all(self, live: LiveSession, session: Session | None) -> None:
        if session is not None:
            # What is written after the clock was set back is of this session all the same.
            live.sensor.since = session.started_at + min(session.clock_moved, 0.0)
        self._halted = live.halted()
        found = live.sensor.find(live.agent_pid, self._facts.mark())
        lines: list[bytes] = []
        for path in live.sensor.tails():
            lines.extend(_new_lines(live.tail(path)))
        path = live.sensor.status_path(live.agent_pid)
        live.found.append((found, lines, _content(path)))

    async def _report(self, reading: Reading | None) -> None:
        """Tell the fleet of a changed state, and of a turn that ended without a record of its end."""
        live, session = self._live, self._session()
        if session is None or live.lost:
            return
        if reading is None:
            await self._report_unseen(session)
            return
        self._unseen_from = None
        turn = any(message.state is MessageState.ACCEPTED for message in self._facts.flight())
        if reading.state is not SessionState.IDLE or not turn:
            self._idle_from = None
        elif self._idle_from is None:
            self._idle_from = self._clock.monotonic()
        elif self._clock.monotonic() - self._idle_from >= self._settle():
            self._idle_from = None
            await self._tell(self._unrecorded_end())
        shown = (session.state, session.why, session.background)
        why = f"{live.misplaced.why}; {reading.why}" if live.misplaced is not None else reading.why
        if (reading.state, why, reading.background) != shown or self._life_due(reading):
            seen = f.Observed(live.session.id, reading.state, why, background=reading.background)
            self._told_at, self._stirs = self._clock.monotonic(), False
            await self._tell(seen)

    def _life_due(self, reading: Reading) -> bool:
        """Whether it is time to tell that something happens in the turn of a task."""
        state = self._state()
        if not self._stirs or state is None or reading.state is not SessionState.WORKING:
            return False
        settings = state.peer.settings
        waited = self._clock.monotonic() - self._told_at
        return settings.wake is WakePolicy.EPHEMERAL and waited >= settings.silence / 4

    async def _report_unseen(self, session: Session) -> None:
        """What was seen once does not count for ever: a state without evidence is unknown after a moment."""
        self._idle_from, now = None, self._clock.monotonic()
        if not session.ready:
            return
        if self._unseen_from is None:
            self._unseen_from = now
        why = self._window.missing()
        if now - self._unseen_from >= UNSEEN and (session.state, session.why) != (SessionState.UNKNOWN, why):
            await self._tell(f.Observed(self._live.session.id, SessionState.UNKNOWN, why))

    def _settle(self) -> float:
        return UNRECORDED if self._live.runtime.controls.tells else IDLE_AGAIN

    def _unrecorded_end(self) -> f.TurnEnded:
        """It is at its prompt again and wrote nothing down; a turn without any answer was none.

        Claude Code 2.1.328: Escape before the first output puts the prompt back into the input line.
        """
        session, view, flight = self._live.session.id, self._live.view, self._facts.flight()
        if any(message.id in self._live.interrupting for message in flight):
            return f.TurnEnded(session, "it is at its prompt again", ASKED, interrupted=True)
        offered = any(message.state is MessageState.OFFERED for message in flight)
        if view is not None and view.composer is Composer.FILLED and not offered:
            why = f"{INTERRUPTED}; its text may stand in the input line"
            return f.TurnEnded(session, "it is at its prompt again", why, interrupted=True)
        if self._live.runtime.controls.tells and not self._live.answered:
            why = "it is at its prompt again, and its record holds no answer to the message"
            return f.TurnEnded(session, "it is at its prompt again", why, interrupted=True)
        return f.TurnEnded(session, "it is at its prompt again")

    async def _tell(self, event: Event, *, settles: str | None = None) -> None:
        await self._fleet.note(self._live.peer, event, settles=settles)

    async def _boot(self) -> bool:
        """Answer known start-up dialogs; show unknown screens to people. False when the boot has failed."""
        live, now = self._live, self._clock.monotonic()
        session = self._session()
        if session is None or live.sensor.reading() is not None:
            return True
        if live.screen != self._boot_screen:
            self._boot_screen, self._seen_at, self._answered_at = live.screen, now, None
        answer = live.sensor.boot_answer(live.screen)
        if answer is not None:
            await self._answer(answer, now)
            return True
        shown = [line.strip() for line in live.screen.splitlines() if line.strip()]
        if shown and now - self._seen_at >= STATIC:
            why = f"its start-up shows: {shown[-1][:160]}"
            if (session.state, session.why) != (SessionState.BLOCKED, why):
                await self._tell(f.Observed(live.session.id, SessionState.BLOCKED, why))
        elif not shown and now - self._booted_at >= BLANK:
            why = f"nothing on its screen for {rough_duration(BLANK)}"
            await self._tell(f.BootFailed(live.session.id, why))
            return False
        return True

    async def _answer(self, answer: Answer, now: float) -> None:
        """Press the next key for a start-up dialog once its screen stands; again only if nothing changes."""
        since = self._answered_at
        if now - self._seen_at < STEADY or (since is not None and now - since < KEY_AGAIN):
            return
        terminal, sensor = self._live.terminal, self._live.sensor
        fresh = await terminal.capture()
        if answer.expect in fresh and sensor.boot_answer(fresh) == answer:
            self._answered_at = now
            await terminal.keys(answer.key)


def _new_lines(tail: Tail) -> list[bytes]:
    """Blocking: all that was written since the last call, in bounded reads."""
    lines = tail.read()
    for _ in range(CATCH_UP):
        if not tail.behind():
            break
        lines.extend(tail.read())
    return lines


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None
