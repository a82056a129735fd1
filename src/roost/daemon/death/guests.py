"""The ends of sessions of which nothing is ours: threads of others' servers, programs that have joined.

They are told by the server, seen at the program's process, or come to no more than that we let go.
"""

import asyncio
import logging
import shutil
from collections.abc import Sequence
from typing import NamedTuple

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.session import Cause, Death, Session
from roost.daemon.session import hook_settings, joined_files
from roost.daemon.session.driver import Driver, unread
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError
from roost.errors import StoreError
from roost.runtimes.codex_server.server import End

LET_GO = "it was let go of; the thread goes on at its server"
LEFT = "it was let go of; its program goes on"
"""What an end of ours comes to: no server, thread or program of somebody else's is ours to end (P5)."""

_log = logging.getLogger("roost.guests")


class Over(NamedTuple):
    """A session is over, for this cause; `why`: what tells so, in words."""

    session: Session
    cause: Cause
    why: str


class Guests:
    """Closes the rows of such sessions, each once."""

    def __init__(self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions) -> None:
        """Close rows of this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions

    async def ended(self, ends: list[End]) -> None:
        """Servers tell of ends: their rows close together, at once."""
        lives = [(end, self._live_sessions.find(end.session)) for end in ends]
        await self.close([Over(live.session, end.cause, end.why) for end, live in lives if live is not None])

    async def close(self, found: Sequence[Over]) -> None:
        """Close these rows."""
        lives = [live for over in found if (live := self._live_sessions.find(over.session.id)) is not None]
        await asyncio.gather(*(self._read(live) for live in lives if live.found))
        now = self._machine.clock.now()
        await self._fleet.report_all([_died(over, now) for over in found])
        for live in lives:
            self._live_sessions.drop(live.session.id)
        await asyncio.gather(*(live.forget() for live in lives))
        for over in found:
            await self._clean(over.session)

    async def let_go(self, session: Session) -> None:
        """An end that was asked for: we follow it no more, and the row closes.

        A launch that failed has nothing to let go of.
        """
        live, missed = self._live_sessions.find(session.id), ""
        if live is not None:
            missed = await self._read(live)
            await live.forget()
        await self._clean(session)
        if session.joined is not None:
            why = LEFT
        else:
            why = LET_GO if live is not None else "its thread was not joined"
        why = f"{why}; {missed}" if missed else why
        peer, died, settles = _died(Over(session, Cause.UNKNOWN, why), self._machine.clock.now())
        await self._fleet.report(peer, died, settles=settles)
        self._live_sessions.drop(session.id)

    async def _clean(self, session: Session) -> None:
        """Take back the hooks of one that had joined, and what only it needed."""
        if session.joined is None:
            return
        work, places = self._machine.work, self._machine.places
        try:
            await work.files.run(hook_settings.take_back, places.hooks, session.id)
            await work.files.run(joined_files.take_back, places.joined, session.id)
            await work.files.run(shutil.rmtree, places.session(session.id), ignore_errors=True)
        except OSError as error:
            _log.warning("the hooks of session %s cannot be taken back: %s", session.id, error)

    async def tidy(self) -> None:
        """Take back the hooks of sessions that nobody saw leave. Raises OSError."""
        files, places = self._machine.work.files, self._machine.places
        live = {session.id for state in self._fleet.states() for session in state.sessions}
        for session in await files.run(hook_settings.holders, places.hooks) - live:
            await files.run(hook_settings.take_back, places.hooks, session)
        for session in await files.run(joined_files.holders, places.joined) - live:
            await files.run(joined_files.take_back, places.joined, session)

    async def _read(self, live: LiveSession) -> str:
        """Tell what the server has told and nobody has looked at yet: a turn may have ended just before.

        Returns what of it could not be read, in words.
        """
        driver = Driver(live, self._fleet, self._machine.clock, self._machine.work.records)
        try:
            await driver.collect(lambda: None)
        except (StoreError, BusyError):
            raise
        except Exception as error:  # noqa: BLE001 -- what a record is like must not keep its row open
            return unread(live.session.id, error)
        return ""


def _died(over: Over, now: float) -> tuple[str, f.Died, str]:
    """Whom to tell of an end, what, and the intent that it settles. `now`: Unix seconds."""
    session = over.session
    death = Death(session.id, session.peer, session.generation, now, over.cause, evidence=over.why)
    return session.peer, f.Died(death), f"end:{session.id}"
