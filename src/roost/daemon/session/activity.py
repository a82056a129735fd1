"""The activity of quiet sessions: what happens leaves a trace in a file, and a look at its size is cheap.

All that a program shows is appended to its pane log, what it records to its own files. So a quiet session is
really looked at only when one of them changed, and now and then in case that a trace was not written. One at
work in a person's own terminal is such a session, too: its files change when its turn ends.
"""

import os
from collections.abc import Iterable

from roost.core.vocabulary.session import SessionState
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.threads import HungError, Threads
from roost.host.interfaces.clock import Clock
from roost.local.paths import Places

EVERY = 1.0
"""Seconds between two looks: a person at the terminal of a quiet session is noticed within it."""
AT_WORK = 0.1
"""The same at those at work: the end of a turn is noticed within it."""

Trace = tuple[int, int, int] | None
"""Time of the last change (nanoseconds), size (bytes) and number of a file; None: it cannot be seen."""


class Activity:
    """Wakes the drivers of quiet sessions in which something happened."""

    def __init__(
        self, fleet: Fleet, live_sessions: LiveSessions, places: Places, clock: Clock, threads: Threads
    ) -> None:
        """Look at these sessions."""
        self._threads = threads
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._places = places
        self._clock = clock
        self._seen: dict[str, tuple[Trace, ...]] = {}

    async def run(self) -> None:
        """Look for ever."""
        rested = 0.0
        while True:
            pause = AT_WORK if self._quiet(at_work=True) else EVERY
            await self._clock.sleep(pause)
            rested = rested + pause if rested < EVERY else pause
            await self.look(at_work=rested < EVERY)

    def _quiet(self, *, at_work: bool) -> list[tuple[LiveSession, tuple[str, ...]]]:
        """The quiet sessions and their files; `at_work`: those at work alone."""
        quiet = [(live, live.quiet) for live in self._live_sessions if live.quiet is not None]
        return [each for each in quiet if self._works(each[0])] if at_work else quiet

    def _works(self, live: LiveSession) -> bool:
        state = self._fleet.find(live.peer)
        session = state.find_session(live.session.id) if state is not None else None
        return session is not None and session.state is SessionState.WORKING

    async def look(self, *, at_work: bool) -> None:
        """Wake the driver of each quiet session that left new traces, or, of all, that a message is with.

        A session that has just become quiet has no last look: what happened between its driver's last look
        and now must not be missed. A pane log that cannot be seen tells nothing: its session is looked at.
        """
        quiet = self._quiet(at_work=at_work)
        paths = [
            files if live.shown_in is None else (str(live.log or self._places.pane_log(live.peer)), *files)
            for live, files in quiet
        ]
        seen: list[tuple[Trace, ...]] = []
        try:
            await self._threads.run(_look, paths, seen)
        except HungError:
            # Its driver finds out; until then nobody looks at it, and the others have their turn again.
            slow = quiet[len(seen)][0]
            slow.quiet = None
            slow.poke.set()
        before = self._seen
        self._seen = dict(before) if at_work else {}
        for (live, _), traces in zip(quiet, seen, strict=False):
            if live.quiet is None:
                continue
            self._seen[live.session.id] = traces
            unseen = live.shown_in is not None and traces[0] is None
            flight = not at_work and self._in_flight(live)
            if unseen or traces != before.get(live.session.id) or flight:
                live.poke.set()

    def _in_flight(self, live: LiveSession) -> bool:
        """Whether a message is with the session: evidence may have been found by others than its driver."""
        state = self._fleet.find(live.peer)
        flight = state.in_flight if state is not None else ()
        return any(message.session == live.session.id for message in flight)


def _look(sessions: Iterable[Iterable[str]], seen: list[tuple[Trace, ...]]) -> None:
    """Blocking: one session after the other, so that it is known at which one it hangs."""
    seen.extend(tuple(_trace(path) for path in paths) for paths in sessions)


def _trace(path: str) -> Trace:
    try:
        found = os.stat(path)  # noqa: PTH116 -- a Path costs as much as the look
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def traces_of(live: LiveSession) -> tuple[str, ...]:
    """The files beside the pane log in which a change of the session shows."""
    status = live.sensor.status_path(live.agent_pid)
    return tuple(str(path) for path in (*live.sensor.tails(), *([status] if status is not None else [])))
