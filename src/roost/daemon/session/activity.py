"""The activity of quiet sessions: what happens leaves a trace in a file, and a look at its size is cheap.

All that a program shows is appended to its pane log, what it records to its own files. So a quiet session is
really looked at only when one of them changed, and now and then in case that a trace was not written. One at
work is such a session, too: its files change when its turn ends. Where its screen tells of its turn, its pane
log counts, once it has stopped growing: what draws a clock or a moving sign makes it grow all the time.
"""

import os
from collections.abc import Iterable
from typing import NamedTuple

from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.daemon.state.threads import HungError, Threads
from roost.host.interfaces.clock import Clock
from roost.local.paths import Places

EVERY = 1.0
"""Seconds between two looks: a person at the terminal of a quiet session is noticed within it."""
AT_WORK = 0.1
"""The same at those at work: the end of a turn is noticed within it."""
DRAWS = 5
"""Such looks in a row at a pane log that grows, after which the screen is looked at while it still grows."""

Trace = tuple[int, int, int] | None
"""Time of the last change (nanoseconds), size (bytes) and number of a file; None: it cannot be seen."""


class Seen(NamedTuple):
    """What was found of a session last, and in how many looks in a row its log had become longer."""

    traces: tuple[Trace, ...]
    draws: int


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
        self._seen: dict[str, Seen] = {}

    async def run(self) -> None:
        """Look for ever."""
        begins, next_all = self._live_sessions.begins, self._clock.monotonic() + EVERY
        while True:
            at_work = bool(self._quiet(at_work=True))
            begins.clear()
            if at_work:
                await self._clock.sleep(AT_WORK)
            else:
                await race(self._clock.sleep(next_all - self._clock.monotonic()), begins.wait())
            now = self._clock.monotonic()
            due = now >= next_all - AT_WORK / 2
            if due:
                next_all = now + EVERY
            if due or at_work:
                await self.look(at_work=not due)

    def _quiet(self, *, at_work: bool) -> list[tuple[LiveSession, tuple[str, ...]]]:
        """The quiet sessions and their files; `at_work`: those at work alone."""
        return [
            (live, live.quiet)
            for live in self._live_sessions
            if live.quiet is not None and (live.at_work or not at_work)
        ]

    async def look(self, *, at_work: bool) -> None:
        """Wake the driver of each quiet session that left new traces, or, at rest, that a message is with.

        A session that has just become quiet has no last look: what happened between its driver's last look
        and now must not be missed. A pane log that cannot be seen tells nothing: its session is looked at.
        """
        quiet = self._quiet(at_work=at_work)
        paths = [(*files, *self._log(live)) for live, files in quiet]
        found: list[tuple[Trace, ...]] = []
        try:
            await self._threads.run(_look, paths, found)
        except HungError:
            # Its driver finds out; until then nobody looks at it, and the others have their turn again.
            for slow, _ in quiet[len(found) :][:1]:  # none where the look has ended meanwhile
                slow.quiet = None
                slow.poke.set()
        before = self._seen
        self._seen = dict(before) if at_work else {}
        for (live, files), traces in zip(quiet, found, strict=False):
            if live.quiet is None:
                continue
            last = before.get(live.session.id)
            draws = _draws(live, len(files), traces, last)
            self._seen[live.session.id] = Seen(traces, draws or 0)
            flight = not live.at_work and self._in_flight(live)
            if flight or draws is None:
                live.poke.set()

    def _log(self, live: LiveSession) -> tuple[str, ...]:
        """Its pane log, where that tells of it."""
        if live.shown_in is None or (live.at_work and not live.sensor.watches_screen):
            return ()
        return (str(live.log or self._places.pane_log(live.peer)),)

    def _in_flight(self, live: LiveSession) -> bool:
        """Whether a message is with the session: evidence may have been found by others than its driver."""
        state = self._fleet.find(live.peer)
        flight = state.in_flight if state is not None else ()
        return any(message.session == live.session.id for message in flight)


def _draws(live: LiveSession, files: int, traces: tuple[Trace, ...], last: Seen | None) -> int | None:
    """How many looks in a row have found its log longer; None: its driver is to look what has happened.

    The first so many traces are of files, then comes the log's. One that cannot be seen tells nothing.
    """
    log = traces[files:]
    if last is None or traces[:files] != last.traces[:files] or log == (None,):
        return None
    if log == last.traces[files:]:
        return None if last.draws else 0
    return last.draws + 1 if live.at_work and last.draws + 1 < DRAWS else None


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
