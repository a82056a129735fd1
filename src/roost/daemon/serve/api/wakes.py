"""Sessions begun as somebody asks, and waited for until they are ready."""

import asyncio
from typing import Any

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import PeerState, WakeMode
from roost.core.vocabulary.phrases import told
from roost.core.vocabulary.session import SessionState
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.api.terminals import Terminals, refuse_held
from roost.daemon.serve.progress import Progress
from roost.daemon.session.failures import LaunchError
from roost.daemon.session.launcher import Launcher
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.waits import Waits
from roost.errors import RefusedError, RoostError
from roost.store.interfaces import Store


class Wakes:
    """Wakes peers, and begins other sessions of them."""

    def __init__(
        self, store: Store, fleet: Fleet, waits: Waits, launcher: Launcher, peers: Peers, terminals: Terminals
    ) -> None:
        """Wake this fleet's peers; `launcher` tells beforehand what could not be started."""
        self._store = store
        self._fleet = fleet
        self._waits = waits
        self._launcher = launcher
        self._peers = peers
        self._terminals = terminals

    async def wake(
        self, name: str, mode: WakeMode, by: str, progress: Progress
    ) -> tuple[dict[str, Any], list[str]]:
        """Bring a peer to its prompt; its row, and lines for the asker.

        Raises RoostError when a person is needed, it cannot start, or nobody can tell what it does.
        """
        with self._waits.peer(name) as changes:
            if mode is WakeMode.FRESH:
                await self._look_first(name)
            before = self._fleet.get(name).session
            outcome = await self._fleet.tell(name, r.Wake(mode, by))
            stale = before.id if before is not None and mode is WakeMode.FRESH else None
            return await self._ready(name, stale, changes, progress), outcome.advice

    async def attachable(self, name: str, by: str, progress: Progress) -> None:
        """Bring up a session that a person can join: one that runs is enough, ready or not.

        It goes on in the conversation, where there is one that its model has not refused.
        """
        state = self._fleet.get(name)
        if state.session is not None:
            return
        goes_on = state.peer.conversation and not state.peer.left_refused
        mode = WakeMode.RESUME if goes_on else WakeMode.NATURAL
        launched = False
        with self._waits.peer(name) as changes:
            await self._fleet.tell(name, r.Wake(mode, by))
            while self._terminals.find(name) is None:
                state = self._fleet.get(name)
                if state.session is None and state.peer.pending is None:
                    raise await self._failed(name, launched=launched)
                if state.session is not None:
                    launched = True
                    refuse_held(name, state.session)
                    progress({"state": str(state.session.state), "why": state.session.why})
                await changes.get()

    async def restart(self, name: str, by: str, progress: Progress, *, resume: bool) -> dict[str, Any]:
        """Another session, ready: a fresh one, or one that goes on in the conversation."""
        with self._waits.peer(name) as changes:
            await self._look_first(name)
            before = self._fleet.get(name).session
            await self._fleet.tell(name, r.Restart(by, resume))
            return await self._ready(name, before.id if before else None, changes, progress)

    async def _look_first(self, name: str) -> None:
        """Raise RefusedError where a session would be ended and none could take its place."""
        state = self._fleet.get(name)
        if not state.sessions:
            return
        try:
            await self._launcher.check(state.peer)
        except LaunchError as error:
            raise RefusedError(
                f"'{name}' could not be started again, so its session is left as it is: {error.message}"
            ) from error

    async def _ready(
        self, name: str, stale: str | None, changes: asyncio.Queue[PeerState | None], progress: Progress
    ) -> dict[str, Any]:
        """Wait until a session other than the stale one is ready, needs a person, or the wake has failed."""
        launched = False
        while True:
            state = self._fleet.get(name)
            session = state.session
            leaving = session is None or session.state is SessionState.STOPPING
            if session is not None and not leaving and session.id != stale:
                launched = True
                progress({"state": str(session.state), "why": session.why})
                if session.state is SessionState.UNKNOWN and self._terminals.find(name) is None:
                    raise RoostError(f"'{name}' could not be woken: {session.why}")
                if session.state is SessionState.BLOCKED:
                    refuse_held(name, session)
                    raise RoostError(
                        f"'{name}' needs a person: {session.why}; join it with `roost attach {name}`"
                    )
                if session.ready and session.state is SessionState.UNKNOWN:
                    raise RoostError(
                        f"'{name}' is awake, and what it does is not known: {session.why};"
                        f" `roost screen {name}` shows its terminal"
                    )
                if session.ready:
                    return self._peers.row(name)
            if session is None and state.peer.pending is None:
                raise await self._failed(name, launched=launched)
            await changes.get()

    async def _failed(self, name: str, *, launched: bool) -> RoostError:
        """Why no session is to be waited for: how the one that was `launched` ended, or what kept it back."""
        if not launched:
            row = self._peers.row(name)
            why = f"it is {row['state']} now{': ' if row['why'] else ''}{row['why']}"
        elif deaths := await self._store.deaths(name, 1):
            why = f"it {told(deaths[-1].cause, deaths[-1].evidence)}"
        else:
            why = "its session ended at once"
        return RoostError(f"'{name}' could not be woken: {why}")
