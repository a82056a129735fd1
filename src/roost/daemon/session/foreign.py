"""Conversations that a program of somebody else has open: waited for and named, never fought (P5).

A second agent on one conversation would mix two minds in one record, and ending the first one is not ours to
do. So a resume waits until the conversation is free, and says for whom it waits.
"""

import asyncio
from collections.abc import Callable
from pathlib import PurePath
from typing import Protocol

from msgspec import Struct

from roost.core.sessions.launch import session_id
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.peer import PeerState, Settings
from roost.core.vocabulary.session import Session, SessionState, stand_in
from roost.daemon.session.launcher import Launcher
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race
from roost.daemon.state.threads import HungError
from roost.host.errors import SensorError
from roost.runtimes.context import Context
from roost.runtimes.runtime import Claim, Runtime

FIRST_LOOK = 1.0
LAST_LOOK = 30.0
"""Seconds until a held conversation is looked at again: at first, and at most, doubling in between."""


class Obstacle(Protocol):
    """What a start waits for: a holder of the conversation, or a session that nobody knows."""

    @property
    def why(self) -> str:
        """What is to be done about it, in words."""
        ...


class Holder(Struct, frozen=True):
    """A live process that has a conversation open and is not one of our sessions."""

    pid: int
    command: str
    source: str
    home: str | None

    @property
    def why(self) -> str:
        """What is to be done about it, in words."""
        return f"its conversation is open in {self.named}; close it there"

    @property
    def named(self) -> str:
        """The process in words."""
        whose = f"of another roost ({self.home})" if self.home is not None else "not started by roost"
        return f"process {self.pid} ({self.command}), {whose}"


class Foreign:
    """Knows who else has a peer's conversation open."""

    def __init__(self, machine: Machine, fleet: Fleet, launcher: Launcher) -> None:
        """Look on this machine."""
        self._machine = machine
        self._fleet = fleet
        self._launcher = launcher
        self._waiting: dict[str, asyncio.Event] = {}
        self.unknown: Callable[[str], Obstacle | None] = lambda _peer: None
        """A live session of that peer that the registry does not know: nothing is started beside it."""
        fleet.listeners.on_committed.append(self._committed)

    def _committed(self, name: str, _state: PeerState | None, _commands: tuple[c.Command, ...]) -> None:
        if name in self._waiting:
            self._waiting[name].set()

    async def free(self, session: Session) -> bool:
        """Wait until nobody else has its conversation open, and no unknown session of its peer runs.

        False: the session is to end instead.

        While it waits the session is `blocked`, and who waits for the peer is told once.
        """
        told = ""
        pause = FIRST_LOOK
        while True:
            state = self._fleet.get(session.peer)
            holder: Obstacle | None = self.unknown(session.peer) or await self._held_by(
                session, state.peer.settings
            )
            if not self._stands(session):
                return False
            if holder is None:
                if told:
                    await self._fleet.report(session.peer, f.Released(session.id))
                return self._stands(session)
            if (why := holder.why) != told:
                told = why
                await self._fleet.report(session.peer, f.Observed(session.id, SessionState.BLOCKED, why))
            if not await self._pause(session, pause):
                return False
            pause = min(pause * 2, LAST_LOOK)

    async def _held_by(self, session: Session, settings: Settings) -> Holder | None:
        return await self._holder(session, settings) if session.resumed else None

    async def _pause(self, session: Session, seconds: float) -> bool:
        """Let time pass; False as soon as the session is to end."""
        deadline = self._machine.clock.monotonic() + seconds
        changed = self._waiting[session.peer] = asyncio.Event()
        try:
            while self._stands(session):
                left = deadline - self._machine.clock.monotonic()
                if left <= 0:
                    return True
                await race(self._machine.clock.sleep(left), changed.wait())
                changed.clear()
        finally:
            del self._waiting[session.peer]
        return False

    def _stands(self, session: Session) -> bool:
        state = self._fleet.find(session.peer)
        now = state.find_session(session.id) if state is not None else None
        return now is not None and now.state is not SessionState.STOPPING

    async def of(self, state: PeerState) -> Holder | None:
        """Who else has the peer's conversation open now."""
        peer, session = state.peer, state.session
        if session is None and peer.conversation is not None:
            ident = session_id(peer.seed, peer.generation)
            session = stand_in(ident, peer.name, peer.generation, peer.conversation)
        if session is None or self._fleet.policy.of(peer.settings.runtime).mailbox:
            return None
        return await self._holder(session, peer.settings)

    async def _holder(self, session: Session, settings: Settings) -> Holder | None:
        if session.conversation is None or settings.runtime not in self._machine.runtimes.names():
            return None
        runtime = self._machine.runtimes.get(settings.runtime)
        context = self._launcher.context(session, settings)
        try:
            return await self._machine.work.records.run_for(session.id, self._look, runtime, context)
        except HungError:
            return None  # what cannot be read proves nothing

    def _look(self, runtime: Runtime, context: Context) -> Holder | None:
        """Blocking: the first claim that a live process stands behind and that is not of our sessions.

        What cannot be read proves nothing.
        """
        try:
            for claim in runtime.claims(context):
                holder = self._judge(claim, context.session)
                if holder is not None:
                    return holder
        except (SensorError, OSError):
            return None
        return None

    def _judge(self, claim: Claim, session: Session) -> Holder | None:
        processes = self._machine.processes
        process = processes.identify(claim.pid)
        if process is None or claim.start not in (None, process.start):
            return None
        marker = processes.environ_marker(claim.pid)
        home = marker.home if marker is not None else None
        if marker is not None and home in (None, str(self._machine.places.home)):
            return None
        agent = session.agent
        if agent is not None and process in processes.tree(agent, session.id, session.nonce):
            return None
        return Holder(claim.pid, _command(processes.command_line(claim.pid)), claim.source, home)


def _command(words: list[str]) -> str:
    """A program's name and its verb: further arguments may hold secrets."""
    if not words:
        return "its name is not known"
    verb = words[1] if len(words) > 1 and words[1].replace("-", "").isalpha() and words[1][0] != "-" else ""
    return f"{PurePath(words[0]).name} {verb}".strip()
