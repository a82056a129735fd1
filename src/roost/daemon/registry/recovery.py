"""A starting daemon takes over what the last one left: the living are adopted, the dead closed (L2, N8)."""

import asyncio
import logging
from collections.abc import Iterable, Iterator

from roost.core.sessions.sweep import Action, Finding, Outcome
from roost.core.transition.ending import VETOABLE
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Chain, Message, MessageState, Notice
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.death.reaper import Reaper
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.effects.executor import Executor
from roost.daemon.registry.orphans import Orphans, sweep_orphans
from roost.daemon.registry.sweep import Pass, Sweeper
from roost.daemon.session.joins import Joins
from roost.daemon.session.launcher import Launcher, live_session
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import RoostError, StoreError
from roost.host.shim_spec import Started
from roost.store.interfaces import Intent, clear_of

AGAIN = 5.0
"""Seconds until a session whose state cannot be told is looked at again."""
SOON = 0.5
"""The same for one whose tmux server has gone: its shim may be about to write down how it ended."""
ELSEWHERE = 30.0
"""The same for one that another host has."""
SWEEP = 600.0
"""Seconds between two passes that only look for what no event has told."""
CUT = "the daemon ended while it was being given"
"""Why nobody knows what became of an answer."""

_log = logging.getLogger("roost.recovery")


class Recovery:
    """Re-establishes every stored session and re-examines every open intent; later, the slow sweep."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        executor: Executor,
        launcher: Launcher,
        reaper: Reaper,
        supervisor: Supervisor,
        sweeper: Sweeper,
        orphans: Orphans,
    ) -> None:
        """Act through these parts."""
        self._supervisor = supervisor
        self._machine = machine
        self._fleet = fleet
        self._executor = executor
        self._launcher = launcher
        self._reaper = reaper
        self._sweeper = sweeper
        self._orphans = orphans
        self._joins = Joins(machine, launcher.contexts)
        self._inherited: frozenset[str] = frozenset()
        self._cut: frozenset[str] = frozenset()
        self._turn = asyncio.Lock()
        self._planned = False
        self._left: set[str] = set()

    async def run(self, intents: Iterable[Intent]) -> None:
        """Adopt or close all sessions at once, then take up the intents that are still open."""
        intents = list(intents)
        for intent in intents:
            if intent.kind == "clear":  # first of all: a launch that comes of what follows has to wait for it
                self._executor.run(clear_of(intent))
        sessions = [session for state in self._fleet.states() for session in state.sessions]
        doubtful = list(_doubtful(self._fleet.states()))
        self._inherited = frozenset(session.id for session in sessions)
        self._cut = frozenset(session.id for session in sessions if not session.launched)
        await self._orphans.prepare()
        await self.again()
        for intent in intents:
            await self._take_up(intent)
        for name, message in doubtful:
            self._look(name, message)
        states = (*self._fleet.states(), *self._fleet.elsewhere())
        await self._fleet.report_all([(state.peer.name, f.Tick(), None) for state in states])
        await self._tidy()

    async def sweep(self) -> None:
        """The slow pass: what no event told. Runs for ever."""
        while True:
            await self._machine.clock.sleep(SWEEP)
            await self.again()
            await self._tidy()

    async def _tidy(self) -> None:
        """Clear away what the store has closed: processes, sockets, files."""
        await sweep_orphans(self._orphans)
        try:
            await self._reaper.guests.tidy()
            await self._reaper.files.tidy({orphan.marker.session for orphan in self._orphans.unknown})
        except (StoreError, OSError) as error:
            _log.warning("what ended sessions left cannot be removed: %s", error)

    async def again(self) -> None:
        """One pass; it comes again soon while something is not known for certain."""
        try:
            async with self._turn:
                pause = await self._pass()
        except (RoostError, OSError) as error:
            _log.warning("the registry cannot be compared with the machine now: %s", error)
            pause = AGAIN
        if pause is not None and not self._planned:
            self._planned = True
            self._executor.later(pause, self._as_planned, "look again")

    async def _as_planned(self) -> None:
        self._planned = False
        await self.again()

    async def _pass(self) -> float | None:
        """Close the dead, take over the living, show the unknown; seconds until the next pass, or None."""
        await self._sweeper.prepare()
        found = await self._sweeper.look(self._cut)
        await self._sweeper.close(found)
        left = set(self._left)
        taken = await asyncio.gather(
            *(
                self._take_over(finding, found)
                for finding in found.plan.findings
                if finding.action is not Action.CLOSE and self._is_loose(finding.session)
            )
        )
        await self._sweeper.note_boot()
        if not all(taken):
            return AGAIN if self._left == left else SOON
        elsewhere = any(finding.outcome is Outcome.FOREIGN for finding in found.plan.findings)
        return ELSEWHERE if elsewhere else None

    def _is_loose(self, session: str | None) -> bool:
        """Whether the last daemon left the session and nobody holds it; this one's are the executor's."""
        return session in self._inherited and self._supervisor.live(session) is None

    async def _take_over(self, finding: Finding, found: Pass) -> bool:
        """Adopt one session, or show why not; what stands in its way is no matter of the others.

        False: it has to be looked at again.
        """
        session = self._stored(finding)
        if session is None:
            return True
        if session.held and finding.action is Action.SKIP:
            # It waited until its conversation was free: nothing of it was ever started, and it waits again.
            self._inherited -= {session.id}
            self._executor.run(c.Launch(session))
            return True
        why = finding.why
        if finding.outcome is Outcome.ALIVE:
            try:
                if session.thread is not None:
                    await self._follow(session)
                elif session.joined is not None:
                    await self._hold(session)
                else:
                    await self.establish(session, found.inventory.started[session.id])
            except (RoostError, OSError) as error:
                why = f"it cannot be taken over: {error}"
            else:
                return True
        _log.warning("session %s of %s: %s", session.id, session.peer, why)
        await self._fleet.report(session.peer, f.Observed(session.id, SessionState.UNKNOWN, why))
        return finding.outcome is Outcome.FOREIGN

    def _stored(self, finding: Finding) -> Session | None:
        state = self._fleet.find(finding.peer)
        return state.find_session(finding.session) if state is not None else None

    async def establish(self, session: Session, started: Started) -> None:
        """Join the terminal of a session that runs, and keep it. Raises RoostError, OSError."""
        settings = self._fleet.get(session.peer).peer.settings
        await self._launcher.learn(settings.runtime)
        context = self._launcher.context(session, settings)
        runtime = self._machine.runtimes.get(settings.runtime)
        if session.own_terminal:
            await self._keep(session, live_session(context, runtime, None, started))
            return
        assert started.server is not None  # noqa: S101 -- a session counts as alive by its three processes
        terminal = await self._supervisor.connect(self._machine.places.terminal(session.id), started.server)
        if terminal is None and session.id not in self._left:
            self._left.add(session.id)
            raise RoostError("its tmux server has gone, and its shim has not said how it ended")
        if terminal is None:
            await self._orphan(session, "its tmux server is gone and its shim is not")
            return
        await self._keep(session, live_session(context, runtime, terminal, started))

    async def _keep(self, session: Session, live: LiveSession) -> None:
        """Watch a session that runs."""
        assert live.session.processes is not None  # noqa: S101 -- a live session is built from its processes
        if session.processes is None:
            await self._fleet.report(session.peer, f.Launched(session.id, live.session.processes))
        self._supervisor.supervise(live)
        await self._fleet.report(session.peer, f.Adopted(session.id))

    async def _follow(self, session: Session) -> None:
        """Follow a thread again. Raises RoostError."""
        settings = self._fleet.get(session.peer).peer.settings
        live = await self._executor.joiner.rejoin(session, settings)
        self._supervisor.supervise(live)
        await self._fleet.report(session.peer, f.Adopted(session.id))

    async def _hold(self, session: Session) -> None:
        """Hold one that has joined again. Raises RoostError."""
        settings = self._fleet.get(session.peer).peer.settings
        self._supervisor.supervise(await self._joins.hold_again(session, settings))
        await self._fleet.report(session.peer, f.Adopted(session.id))

    async def _orphan(self, session: Session, why: str) -> None:
        """A shim without its terminal cannot serve a session any more: it ends through the authority."""
        _log.warning("session %s of %s: %s", session.id, session.peer, why)
        await self._fleet.report(session.peer, f.Orphaned(session.id, why))

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
                told, watch = intent.data, bool(intent.data.get("watch"))
                notice = Notice(intent.message or "", str(told["outcome"]), str(told["why"]), watch)
                place = intent.data.get("chain")
                chain = Chain(int(place[0]), str(place[1])) if place is not None else None
                since = intent.data.get("since")
                self._executor.run(c.Notify(str(told["id"]), intent.peer, notice, chain, since))
            case "control" if session is not None and session.open_control is not None:
                self._executor.run(c.Perform(session, session.open_control))
            case "answer" if session is not None:
                # Nobody gives it a second time unasked: the next look tells whether it is still waited for.
                question, at = str(intent.data["question"]), float(intent.data["at"])
                over = f.AnswerGiven(session.id, question, at, CUT, doubt=True)
                await self._fleet.report(session.peer, over, settles=intent.key)
            case "clear":
                pass  # has been run
            case "forward" | "report" | "hand-over" | "own" | "decide":
                pass  # is with the links to other hosts
            case "end" if session is not None and session.ending is not None:
                guarded = session.ending.cause in VETOABLE
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
