"""What can be asked of sessions: ended, and what is asked of a running one."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.view import shown
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.progress import Progress
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.waits import Waits
from roost.errors import NotFoundError, RefusedError, RoostError
from roost.host.interfaces.clock import Clock

EndUnstored = Callable[[Session], Awaitable[None]]
"""Ends a session while the store takes nothing."""


class Sessions:
    """Parks peers, lets them go on, and asks their sessions for something."""

    def __init__(
        self, fleet: Fleet, waits: Waits, clock: Clock, peers: Peers, end_unstored: EndUnstored
    ) -> None:
        """Work on this fleet."""
        self._fleet = fleet
        self._waits = waits
        self._clock = clock
        self._peers = peers
        self._end_unstored = end_unstored

    async def stop(self, name: str, by: str) -> dict[str, Any]:
        """Park a peer and wait until its session is over."""
        if self._peers.is_mailbox(name):
            raise RefusedError(
                f"'{name}' is a mailbox; there is nothing to stop, and it takes mail as before"
            )
        with self._waits.peer(name) as changes:
            await self._end_all(name, r.Stop(by))
            while self._fleet.get(name).sessions:
                await changes.get()
        return self._peers.row(name)

    async def for_each(
        self, names: Sequence[str], do: Callable[[str], Awaitable[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Do something for many peers, for each on its own: their rows, with an `error` where one refused.

        One that is removed meanwhile has none; one that is renamed has it under its new name.
        """
        rows = await asyncio.gather(*(self._tried(name, do) for name in names))
        return [row for row in rows if row is not None]

    async def _tried(
        self, name: str, do: Callable[[str], Awaitable[dict[str, Any]]]
    ) -> dict[str, Any] | None:
        try:
            return await do(name)
        except NotFoundError:
            now = self._fleet.called(name)
            return await self._tried(now, do) if now not in (None, name) else None
        except RoostError as error:
            told = {"code": error.code, "message": error.message, "exit_code": error.exit_code}
            return {**self._peers.row(name), "error": told}

    async def _end_all(self, name: str, event: r.Stop | r.Rest) -> None:
        """Have all sessions of a peer ended. That needs no store: what it refuses is recorded later."""
        if not await self._fleet.insist(name, event):
            await asyncio.gather(*(self._end_unstored(session) for session in self._fleet.get(name).sessions))

    async def rest(self, name: str) -> None:
        """End a peer's sessions as a clean park, without stopping the peer.

        One that is removed meanwhile, or has another name by then, has none of them any more.
        """
        with self._waits.peer(name) as changes, suppress(NotFoundError):
            sessions = self._fleet.get(name).sessions
            before = [session.id for session in sessions if not session.own_terminal]
            await self._end_all(name, r.Rest("operator"))
            while any(self._fleet.get(name).find_session(session) for session in before):
                await changes.get()

    async def put_to_sleep(self, name: str) -> tuple[dict[str, Any], list[str]]:
        """End a peer's sessions now, as its idle time does later; its row, and what wakes it again."""
        if self._peers.is_mailbox(name):
            raise RefusedError(f"'{name}' is a mailbox; there is nothing to put to sleep")
        state = self._fleet.get(name)
        if not state.sessions:
            return self._peers.row(name), [
                f"'{name}' has no session; it is {shown(state, self._clock.now()).state} already"
            ]
        if self._peers.in_own_terminal(name):
            raise RefusedError(f"'{name}' runs in a person's own terminal; `roost stop {name}` ends it there")
        await self.rest(name)
        again = state.queued or state.turn or state.peer.settings.wake is WakePolicy.ALWAYS
        why = "something waits for it" if state.queued or state.turn else "wake=always keeps it up"
        note = f"'{name}' is woken again at once: {why}; `roost stop {name}` parks it"
        return self._peers.row(name), [note] if again else []

    async def start(self, name: str, by: str) -> dict[str, Any]:
        """Unpark a peer."""
        await self._fleet.tell(name, r.Start(by))
        return self._peers.row(name)

    async def control(self, name: str, event: r.Interrupt | r.Compact, progress: Progress) -> dict[str, Any]:
        """Have something done to a running session; returns when it is done, with what was done.

        Raises RoostError when it could not be done, or the session ended meanwhile.
        """
        with self._waits.peer(name) as changes:
            outcome = await self._fleet.tell(name, event)
            session = outcome.state.session if outcome.state is not None else None
            control = session.open_control if session is not None else None
            if session is None or control is None:
                return {**self._peers.row(name), "done": False, "note": " ".join(outcome.advice)}
            while control.ended_at is None:
                progress({"state": str(control.kind), "why": session.why})
                await changes.get()
                now = self._fleet.get(name).find_session(session.id)
                if now is None:
                    raise RoostError(f"the session of '{name}' ended meanwhile; see `roost deaths {name}`")
                if now.control is None or now.control.at != control.at:
                    raise RoostError(f"'{name}' was interrupted meanwhile; it was not compacted")
                session, control = now, now.control
        if control.failed is not None:
            raise RoostError(f"'{name}': {control.failed}")
        return {**self._peers.row(name), "done": True, "note": control.note}

    async def refresh(self, name: str, by: str) -> dict[str, Any]:
        """Mark a peer: its next natural wake is fresh."""
        await self._fleet.tell(name, r.Refresh(by))
        return self._peers.row(name)
