"""Keeps live sessions: watches their processes, drives them, joins their terminals again, reaps them."""

import asyncio
import logging
from functools import partial
from pathlib import Path

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Cause, Processes, SessionState
from roost.daemon.death.reaper import Reaper
from roost.daemon.session.driver import Driver
from roost.daemon.session.failures import judged
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks, race
from roost.daemon.state.threads import HungError
from roost.errors import RoostError
from roost.host.errors import SensorError, TmuxGone
from roost.host.interfaces.processes import Liveness
from roost.host.interfaces.terminals import Terminal
from roost.host.interfaces.watch import Watch
from roost.host.shim_spec import DeathRecord

PROMPT = 1.0
SHIM = 15.0
"""Seconds after the end of its agent or its terminal until a session whose shim has not left is unknown, and
until the shim is asked to leave: it gives the agent three to hang up."""
REJOIN = 0.5
"""Seconds between two attempts to join a terminal again whose tmux server lives."""
LOOKED = 5.0
"""Seconds that a look may take which is taken before an end is judged."""
AGAIN = 2.0
"""Seconds until a session that could not be reaped, as on a full disk, is reaped, or one that could not be
watched is watched.
"""

_log = logging.getLogger("roost.supervisor")


class Supervisor:
    """Holds every live session until its shim is gone."""

    def __init__(
        self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, reaper: Reaper, tasks: Tasks
    ) -> None:
        """Keep sessions on this machine."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._reaper = reaper
        self._tasks = tasks
        self._drivers: dict[str, Driver] = {}
        self._closing = False
        self._passing: set[str] = set()
        self._bell: Watch | None = None

    def listen(self) -> None:
        """Hear of each death record as it is written."""
        try:
            self._bell = self._reaper.listen(self._recorded)
        except SensorError as error:
            _log.warning("deaths are noticed when the shims leave, a little later: %s", error.message)

    def close(self) -> None:
        """Take no more notice of anything: the daemon leaves and the sessions stay."""
        self._closing = True
        if self._bell is not None:
            self._bell.cancel()

    def live(self, session: str | None) -> LiveSession | None:
        """A live session by its id."""
        return self._live_sessions.find(session)

    def held(self) -> int:
        """How many sessions are held."""
        return sum(1 for _ in self._live_sessions)

    def driver(self, session: str | None) -> Driver | None:
        """The driver of a live session."""
        return self._drivers.get(session) if session is not None else None

    async def look(self, peer: str) -> None:
        """Read what a peer's active session shows now; within a few seconds, whatever its disk does."""
        state = self._fleet.find(peer)
        driver = self.driver(state.session.id) if state is not None and state.session is not None else None
        if driver is not None:
            # Not cancelled when it takes long: what was read of a record has to be told.
            await asyncio.wait({self._tasks.start(self._seen(driver), f"look at {peer}")}, timeout=LOOKED)

    async def _seen(self, driver: Driver) -> None:
        try:
            await driver.look(screen=True)
        except (RoostError, OSError) as error:
            _log.info("a session cannot be looked at before its end is judged: %s", error)

    def supervise(self, live: LiveSession) -> None:
        """Hold a live session: watch its processes, drive it."""
        self._live_sessions.add(live)
        processes = _processes(live)
        live.halted = partial(self._halted, processes.agent)
        for process, ended in (
            (processes.agent, self._ended),
            (processes.shim, self._left),
            (processes.server, self._stranded),
        ):
            try:
                live.watches.append(self._machine.processes.watch(process, partial(ended, live)))
            except SensorError as error:
                _log.warning("session %s cannot be watched: %s", live.session.id, error.message)
        self._join(live)

    def _join(self, live: LiveSession) -> None:
        """Drive a session through its terminal until the connection ends."""
        live.terminal.on_gone(lambda: self._disconnected(live))
        self._begin(live)

    def _begin(self, live: LiveSession) -> None:
        driver = Driver(live, self._fleet, self._machine.clock, self._machine.work.records)
        self._drivers[live.session.id] = driver
        self._tasks.start(self._drive(live, driver), f"driver {live.peer}")

    async def _drive(self, live: LiveSession, driver: Driver) -> None:
        """Run the driver. What ends it in error, as a machine without threads, is waited out."""
        try:
            await driver.run()
        except Exception as error:  # noqa: BLE001 -- a session that nobody watches would wait for ever
            cause = judged(error)
            defect = error if cause.blame is Blame.ROOST else None
            _log.error("session %s is not watched: %s", live.session.id, cause.message, exc_info=defect)
            await self._blind(live, cause.message)
            if self._drivers.get(live.session.id) is driver and not live.over.is_set():
                self._begin(live)
        finally:
            if self._drivers.get(live.session.id) is driver:
                del self._drivers[live.session.id]

    async def _blind(self, live: LiveSession, why: str) -> None:
        """Show for a moment that nothing can be seen of the session."""
        unknown = f.Observed(live.session.id, SessionState.UNKNOWN, f"it cannot be watched: {why}")
        try:
            await self._fleet.report(live.peer, unknown)
        except RoostError as error:
            _log.warning("session %s cannot be shown as unknown: %s", live.session.id, error.message)
        await self._machine.clock.sleep(AGAIN)

    def _disconnected(self, live: LiveSession) -> None:
        """The terminal has gone; that of a session that is passing away is missed by nobody."""
        if not self._closing and live.session.id not in self._passing:
            self._tasks.start(self._rejoin(live), f"rejoin {live.peer}")

    def _recorded(self, record: DeathRecord) -> None:
        """The shim has recorded its agent's end; an end that somebody waits for it sees to itself."""
        live = self._live_sessions.find(record.session)
        if live is None or record.nonce != live.session.nonce:
            return
        live.record = record
        state = self._fleet.find(live.peer)
        current = state.find_session(record.session) if state is not None else None
        if current is not None and current.state is not SessionState.STOPPING:
            live.ends("the session's shim has seen its agent end")
            self._ended(live)

    def _left(self, live: LiveSession) -> None:
        live.ends("the session's shim has ended")
        self._ended(live)

    def _ended(self, live: LiveSession) -> None:
        if not self._closing:
            self._tasks.start(self._passed_away(live), f"reap {live.peer}")

    def _stranded(self, live: LiveSession) -> None:
        """Its tmux server has ended: the shim is the first witness of that, this is the second (P10)."""
        if not self._closing:
            self._tasks.start(self._strand(live), f"strand {live.peer}")

    async def _strand(self, live: LiveSession) -> None:
        """Show that the session serves nobody any more while its shim ends it, and see that it does."""
        if await self._alive(_processes(live).shim):
            await self._unknown(live, "its tmux server is gone, and its shim is ending it")
        await self._passed_away(live)

    async def _rejoin(self, live: LiveSession) -> None:
        """The connection ended. While the server lives, join again: a person may have detached us all."""
        while True:
            try:
                terminal = await self.connect(live.terminal.socket, _processes(live).server)
            except (RoostError, OSError) as error:
                unknown = f.Observed(live.session.id, SessionState.UNKNOWN, f"its terminal: {error}")
                await self._fleet.report(live.peer, unknown)
                await self._machine.clock.sleep(REJOIN)
                continue
            if terminal is None:
                await self._passed_away(live)
                return
            live.terminal = terminal
            self._join(live)
            return

    async def connect(self, socket: Path, server: ProcessId) -> Terminal | None:
        """Connect to a running terminal; None when its tmux server is dead.

        Raises TmuxError when the server lives and cannot be reached, which proves nothing of the agent.
        """
        try:
            return await self._machine.terminals.adopt(socket)
        except TmuxGone:
            if not await self._alive(server):
                return None
        try:
            await self._machine.terminals.reopen(socket, server)
            return await self._machine.terminals.adopt(socket)
        except TmuxGone:
            if not await self._alive(server):
                return None
            raise

    async def _passed_away(self, live: LiveSession) -> None:
        """Reap the session, again and again until it is done: nobody else notices an end that was noticed."""
        if live.session.id in self._passing:
            return
        self._passing.add(live.session.id)
        try:
            while True:
                try:
                    await self._reap(live)
                except (RoostError, OSError) as error:
                    _log.warning("session %s cannot be reaped yet: %s", live.session.id, error)
                    await self._machine.clock.sleep(AGAIN)
                else:
                    return
        finally:
            self._passing.discard(live.session.id)

    async def _reap(self, live: LiveSession) -> None:
        """Reap the session once its shim has recorded the end or is gone: an agent's end is its to record."""
        await self._reaper.prepare(live)
        if not live.over.is_set():
            await self._over(live)
        await self._reaper.reap(live.session, live.context, live.witness)

    async def _over(self, live: LiveSession) -> None:
        """Wait for the shim; where it takes long, show that, and see that it ends."""
        processes = _processes(live)
        watch = self._machine.processes.watch(processes.shim, partial(self._left, live))
        try:
            for bound in (PROMPT, SHIM - PROMPT):
                if not live.over.is_set():
                    await race(live.over.wait(), self._machine.clock.sleep(bound))
                lost = None if live.over.is_set() else await self._lost(processes)
                if lost is not None and bound == PROMPT:
                    await self._unknown(live, lost[0])
                elif lost is not None:
                    await self._fleet.report(live.peer, f.Orphaned(live.session.id, *lost))
            await live.over.wait()
        finally:
            watch.cancel()

    async def _unknown(self, live: LiveSession, why: str) -> None:
        """Show that the session serves nobody any more."""
        live.lost = True
        await self._fleet.report(live.peer, f.Observed(live.session.id, SessionState.UNKNOWN, why))

    async def _lost(self, processes: Processes) -> tuple[str, Cause] | None:
        """Which of agent and tmux server is dead; None while both may be alive: unknown is not dead."""
        if not await self._alive(processes.server):
            return "its tmux server is gone and its shim is not", Cause.SERVER_EXIT
        if not await self._alive(processes.agent):
            return "its agent has ended and its shim has not", Cause.CRASHED
        return None

    def _halted(self, process: ProcessId) -> bool:
        """Blocking: whether a signal or a debugger holds a process."""
        return self._machine.processes.probe(process).stopped

    async def _alive(self, process: ProcessId) -> bool:
        try:
            probe = await self._machine.work.processes.run(self._machine.processes.probe, process)
        except HungError:
            return True
        return probe.liveness is not Liveness.DEAD


def _processes(live: LiveSession) -> Processes:
    processes = live.session.processes
    assert processes is not None  # noqa: S101 -- a live session is built from its processes
    return processes
