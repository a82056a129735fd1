"""Watches one live session: reads its evidence, tells the fleet what it shows, brings it to its prompt.

Looks are frequent while something is expected (a boot, an offer, a turn), and less so the longer it does not
come. A session in which nothing goes on by itself, at its prompt or in front of a person, is looked at when
something in it has changed; so is one at work to which nothing is being handed over.
"""

import logging
from collections import deque
from collections.abc import Callable
from typing import TypeVar

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.session.activity import traces_of
from roost.daemon.session.boot import Boot
from roost.daemon.session.facts import Facts
from roost.daemon.session.failures import judged
from roost.daemon.session.known_session import KnownSession
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.observations import Observations
from roost.daemon.session.record_reader import RecordReader
from roost.daemon.session.window import Window
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.daemon.state.threads import Threads
from roost.host.errors import TmuxError, TmuxGone
from roost.host.interfaces.clock import Clock
from roost.runtimes.facts import Fact
from roost.runtimes.view import Reading

T = TypeVar("T")
EXPECTING = 0.02
WORKING = 0.1
QUIET = 30.0
"""Seconds between two looks while evidence is expected, during a turn, and while nothing shows any change."""
LONGER = 0.1
"""The share of the time that something has been expected for, after which it is looked for again."""
RECHECK = 1.0
"""Seconds between two looks at a session whose state cannot be seen, and at one at work whose files tell of
what happens: whether a signal holds it no file tells."""
UNREAD = "its record cannot be read"
"""How it begins that is said of a session whose record a disk does not give."""

UNHEARD = "tmux: "
"""The same of a session whose tmux server does not answer."""

_log = logging.getLogger("roost.driver")


def unread(session: str, error: Exception) -> str:
    """In words, that an ended session's record cannot be read, for whatever reason: its end counts anyway."""
    cause = judged(error)
    defect = error if cause.blame is Blame.ROOST else None
    _log.error("the record of session %s cannot be read: %s", session, cause.message, exc_info=defect)
    return f"{UNREAD}: {cause.message}"


def pace(waited: float, first: float) -> float:
    """Seconds until the next look for what has been expected for so long: from `first` up to `WORKING`.

    A program that takes five seconds to start is not looked at fifty times in each of them.
    """
    return max(first, min(WORKING, waited * LONGER))


class Driver:
    """Drives one live session until it is gone."""

    def __init__(self, live: LiveSession, fleet: Fleet, clock: Clock, records: Threads) -> None:
        """Drive this session; `records` are the threads that read what its agent writes."""
        self._live = live
        self._clock = clock
        self._unread = ""
        self._untold: deque[Fact] = deque()
        self._expected: tuple[object, float] | None = None
        self._worked = False
        self._known = KnownSession(live, fleet)
        self._window = Window(live, clock)
        self._boot = Boot(live, self._known, clock)
        self._reader = RecordReader(live, self._known, records)
        self._facts = Facts(live, self._known, clock)
        self._observations = Observations(live, self._known, self._window, clock)

    async def run(self) -> None:
        """Look again and again until the session is over.

        A terminal that is gone is waited for: its watchers join it again, or tell the end.
        """
        live = self._live
        while True:
            session = self._known.session()
            if session is None:
                return
            try:
                in_turn = session.ready and session.state is SessionState.WORKING
                looks = live.shown_in is not None and (live.sensor.watches_screen or not in_turn)
                if not live.typing.locked():  # whoever types looks
                    await self.look(screen=looks)
                if session.state is SessionState.BLOCKED and self._known.has_mail():
                    await self._window.give_back()
                if (
                    not (session.ready or session.own_terminal)
                    and not (self._reader.halted or self._unread)
                    and not await self._boot.go_on()
                ):
                    return
                if (shown := self._known.session()) is not None:
                    await self._window.tell(shown)
            except TmuxGone:
                await self._wait(QUIET)
                continue
            except TmuxError as error:
                await self._unheard(error)
            await self._pause()

    async def _pause(self) -> None:
        live, session = self._live, self._known.session()
        interval = self._interval(session) if session is not None else 0.0
        worked, live.at_work = live.at_work, session is not None and self._works(session)
        rests = interval == QUIET or live.at_work
        live.quiet = traces_of(live) if rests and live.session.agent is not None else None
        if live.at_work and not worked:
            live.begins.set()
        await self._wait(interval)

    async def _wait(self, seconds: float) -> None:
        """Wait so long, unless something pokes before."""
        await race(self._clock.sleep(seconds), self._live.poke.wait())
        self._live.poke.clear()

    def _interval(self, session: Session) -> float:
        """Seconds until the next look, unless something pokes before."""
        flight = self._known.flight()
        if self._reader.halted or self._unread:
            return RECHECK
        offers = self._offers()
        if offers:
            return WORKING if session.state is SessionState.WORKING else self._soon(session.ready, offers)
        if not session.ready:
            if session.own_terminal:
                return WORKING
            blocked = session.state is SessionState.BLOCKED and self._boot.stands()
            return QUIET if blocked else self._soon(session.ready, offers)
        if self._observations.unseen and session.state is not SessionState.UNKNOWN:
            return WORKING
        if session.state is SessionState.UNKNOWN or self._window.covered:
            return RECHECK if self._live.shown_in is not None else QUIET  # a server tells by itself
        if session.state is SessionState.BLOCKED or (session.state is SessionState.IDLE and not flight):
            return QUIET
        return RECHECK if self._works(session) else WORKING

    def _works(self, session: Session) -> bool:
        """Whether it is at work and nothing is being handed over to it: its files tell of what happens."""
        works = session.ready and session.state is SessionState.WORKING and not self._offers()
        return works and self._live.session.agent is not None

    def _offers(self) -> list[tuple[str, int]]:
        """The messages that are being handed over to it, with their attempts."""
        flight = self._known.flight()
        return [(each.id, each.attempts) for each in flight if each.state is MessageState.OFFERED]

    def _soon(self, *what: object) -> float:
        """Seconds until the next look, while its prompt or the evidence of an offer is expected: this one."""
        now = self._clock.monotonic()
        if self._expected is None or self._expected[0] != what:
            self._expected = what, now
        return pace(now - self._expected[1], EXPECTING)

    def missing(self) -> str:
        """What the latest look at the screen showed in place of a prompt, in words."""
        return self._unread or self._window.missing()

    async def look(self, *, screen: bool) -> Reading | None:
        """Read all evidence once and tell the fleet; returns the state it shows. Raises TmuxError.

        A session that is told by its terminal counts as idle only by what stands on its screen now, whatever
        else tells of it.
        """
        live = self._live
        async with live.looking:
            shown = live.screen
            if screen and live.shown_in is not None:
                await self._see()
            try:
                await self._reader.read()
            except OSError as error:
                await self._unreadable(error)
                return None
            self._unread = ""
            found, lines, status = live.take()
            if lines:
                live.free.grew(self._clock.now())
            if lines or live.screen != shown:
                self._observations.stirred()
            self._untold.extend((*found, *live.sensor.on_lines(lines)))
            if live.sensor.status_path(live.agent_pid) is not None:
                self._untold.extend(live.sensor.on_status(status))
            reading = live.sensor.reading()
            if live.call is None:
                unseen = reading is None or reading.state is SessionState.IDLE
                if live.shown_in is not None and not screen and unseen:
                    try:
                        await self._see()
                    except TmuxError:
                        await self._tell_facts()  # the record is not read again
                        raise
                    reading = live.sensor.reading()
                reading = live.hooks.judge(self._window.judge(reading))
            if self._reader.halted:
                why = f"its process {live.agent_pid} is stopped; kill -CONT {live.agent_pid} lets it go on"
                reading = Reading(SessionState.BLOCKED, why, self._background(reading), None)
            self._count_turns(reading)
            await self._tell_facts()
            await self._observations.tell(reading)
            return reading

    async def _tell_facts(self) -> None:
        """Tell all that was read; what somebody who looks and is called off leaves untold comes first."""
        while self._untold:
            await self._facts.note(self._untold.popleft())

    def _count_turns(self, reading: Reading | None) -> None:
        """Count the ends of turns: a rest may be shorter than the time between two looks of whoever waits."""
        if reading is None or reading.state not in (SessionState.IDLE, SessionState.WORKING):
            return
        rests = reading.state is SessionState.IDLE
        self._live.turns_over += rests and self._worked
        self._worked = not rests

    def _background(self, reading: Reading | None) -> str:
        """What goes on beside turns, by the latest that was read of it."""
        session = self._known.session()
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
        session, self._unread = self._known.session(), f"{UNREAD}: {error.strerror}"
        if session is not None and (session.state, session.why) != (SessionState.UNKNOWN, self._unread):
            await self._known.tell(f.Observed(session.id, SessionState.UNKNOWN, self._unread))

    async def _unheard(self, error: TmuxError) -> None:
        why = f"{UNHEARD}{error.message}"
        await self._known.tell(f.Observed(self._live.session.id, SessionState.UNKNOWN, why))

    async def collect(self, beside: Callable[[], T]) -> T:
        """Tell what the agent's own record still holds after its end: a turn may have ended just before.

        `beside` is called in the same thread, which is quicker than in its own; its result is returned.
        """
        async with self._live.looking:
            live = self._live
            result = await self._reader.read_beside(beside)
            found, lines, _ = live.take()
            self._untold.extend((*found, *live.sensor.on_lines(lines)))
            await self._tell_facts()
            await self._facts.left()
            await self._observations.left()
        return result
