"""A starting daemon takes over what the last one left: the living are adopted, the dead closed (L2, N8)."""

import asyncio
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from roost.core import commands as c
from roost.core import events as e
from roost.core.ending import VETOABLE
from roost.core.message import Message, MessageState, Notice
from roost.core.peer import PeerState
from roost.core.session import Session, SessionState
from roost.daemon.executor import Executor
from roost.daemon.fleet import Fleet
from roost.daemon.keeper import Keeper
from roost.daemon.launcher import Launcher, live_session
from roost.daemon.machine import Machine
from roost.daemon.undertaker import Undertaker
from roost.errors import RoostError, StoreError
from roost.host.interfaces import Liveness
from roost.host.shim_spec import Started, read_started
from roost.store.interfaces import Intent, clear_of

AGAIN = 5.0
"""Seconds until a session whose state cannot be told is looked at again."""

_log = logging.getLogger("roost.recovery")


class Recovery:
    """Re-establishes every stored session and re-examines every open intent."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        executor: Executor,
        launcher: Launcher,
        undertaker: Undertaker,
        keeper: Keeper,
    ) -> None:
        """Act through these parts."""
        self._keeper = keeper
        self._machine = machine
        self._fleet = fleet
        self._executor = executor
        self._launcher = launcher
        self._undertaker = undertaker

    async def run(self, intents: Iterable[Intent]) -> None:
        """Adopt or close all sessions at once, then take up the intents that are still open."""
        try:
            await asyncio.to_thread(self._undertaker.sweep)
        except OSError as error:
            _log.warning("what ended sessions left cannot be removed: %s", error)
        intents = list(intents)
        for intent in intents:
            if intent.kind == "clear":  # first of all: a launch that comes of what follows has to wait for it
                self._executor.run(clear_of(intent))
        sessions = [session for state in self._fleet.states() for session in state.sessions]
        doubtful = list(_doubtful(self._fleet.states()))
        await asyncio.gather(*(self._session(session) for session in sessions))
        for intent in intents:
            await self._take_up(intent)
        for name, message in doubtful:
            self._look(name, message)
        for name in self._fleet.names():
            await self._fleet.report(name, e.Tick())

    async def _session(self, session: Session) -> None:
        """Adopt or close one session; what stands in the way of one is no matter of the others."""
        try:
            await self._establish(session)
        except (RoostError, OSError) as error:
            await self._doubt(session, f"it cannot be taken over: {error}")

    async def _establish(self, session: Session) -> None:
        settings = self._fleet.get(session.peer).peer.settings
        context = self._launcher.context(session, settings)
        started = await asyncio.to_thread(self._started, session, context.home)
        if started is None or started.agent is None or started.shim is None or started.server is None:
            if started is None and session.held:
                # It waited until its conversation was free: nothing of it was ever started.
                self._executor.run(c.Launch(session))
                return
            why = "its launch was cut short" if started is None else (started.error or "it never ran")
            await self._undertaker.bury(session, context, why)
            return
        shim = await asyncio.to_thread(self._machine.processes.probe, started.shim)
        if shim.liveness is Liveness.UNKNOWN:
            await self._doubt(session, f"its processes cannot be read: {shim.reason}")
            return
        if shim.liveness is Liveness.DEAD:
            await self._undertaker.bury(session, context, f"found at start: {shim.reason}")
            return
        terminal = await self._keeper.connect(self._machine.places.terminal(session.id), started.server)
        if terminal is None:
            await self._orphan(session, "its tmux server is gone and its shim is not")
            return
        runtime = self._machine.runtimes.get(settings.runtime)
        live = live_session(context, runtime, terminal, started)
        assert live.session.processes is not None  # noqa: S101 -- a live session is built from its processes
        if session.processes is None:
            await self._fleet.report(session.peer, e.Launched(session.id, live.session.processes))
        self._keeper.keep(live)
        await self._fleet.report(session.peer, e.Adopted(session.id))

    def _started(self, session: Session, home: Path) -> Started | None:
        """Blocking: the identities of a session, from its row or, when its launch was cut short, its shim."""
        if session.processes is not None:
            known = session.processes
            return Started(known.agent, known.shim, known.server, None)
        return read_started(home / "started.json", self._machine.processes)

    async def _orphan(self, session: Session, why: str) -> None:
        """A shim without its terminal cannot serve a session any more: it ends through the authority."""
        _log.warning("session %s of %s: %s", session.id, session.peer, why)
        await self._fleet.report(session.peer, e.Orphaned(session.id, why))

    async def _doubt(self, session: Session, why: str) -> None:
        """Nothing is known, so nothing is closed: show it, and look again."""
        _log.warning("session %s of %s: %s", session.id, session.peer, why)
        await self._fleet.report(session.peer, e.Observed(session.id, SessionState.UNKNOWN, why))
        self._executor.later(AGAIN, lambda: self._session(session), f"look again at {session.peer}")

    async def _take_up(self, intent: Intent) -> None:
        """An intent that cannot be settled now stays in the store and is met again at the next start."""
        try:
            await self._intent(intent)
        except StoreError as error:
            _log.warning("intent %s is not settled: %s", intent.key, error.message)

    async def _intent(self, intent: Intent) -> None:
        state = self._fleet.find(intent.peer)
        session = state.find_session(intent.session) if state is not None else None
        match intent.kind:
            case "notice":
                notice = Notice(intent.message or "", str(intent.data["outcome"]), str(intent.data["why"]))
                self._executor.run(c.Notify(str(intent.data["id"]), intent.peer, notice))
            case "clear":
                pass  # has been run
            case "end" if session is not None and session.ending is not None:
                guarded = session.ending.cause is VETOABLE
                self._executor.run(c.End(session, session.ending.cause, session.ending.by, guarded=guarded))
            case _:
                await self._fleet.settle(intent.key)

    def _look(self, name: str, offered: Message) -> None:
        """An offer that the last daemon did not see the end of: look before anybody pastes again."""
        state = self._fleet.find(name)
        message = state.message(offered.id) if state is not None else None
        if state is None or message is None or message.state is not MessageState.OFFERED:
            return
        if message.attempts == offered.attempts:
            session = state.session
            conversation = session.conversation if session is not None else state.peer.conversation
            self._executor.run(c.Examine(session.id if session else None, name, message, conversation))


def _doubtful(states: Iterable[PeerState]) -> Iterator[tuple[str, Message]]:
    """Offers that are open as the daemon starts, whatever became of their intents."""
    for state in states:
        for message in state.messages:
            if message.state is MessageState.OFFERED:
                yield state.peer.name, message
