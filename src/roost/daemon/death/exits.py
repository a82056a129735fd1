"""The exits of sessions: their processes are watched, a shim is waited for, the session is reaped."""

import logging
import signal
from functools import partial

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Cause, Processes, SessionState
from roost.daemon.death.guests import Over
from roost.daemon.death.reaper import Reaper
from roost.daemon.session.failures import judged
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks, race
from roost.daemon.state.threads import HungError
from roost.errors import RoostError
from roost.host.errors import SensorError
from roost.host.interfaces.processes import Liveness
from roost.host.interfaces.watch import Watch
from roost.host.shim_spec import DeathRecord

PROMPT = 1.0
SHIM = 15.0
"""Seconds after the end of its agent or its terminal until a session whose shim has not left is unknown, and
until the shim is asked to leave: it gives the agent three to hang up."""
AGAIN = 2.0
"""Seconds until a session that could not be reaped, as on a full disk, is reaped."""
DEFECTS = 5
"""How often that meets a defect of ours until the row is closed with what is certain: its processes."""

_log = logging.getLogger("roost.supervisor")


class Exits:
    """Notices that a session's agent, shim or terminal has ended, and has the session reaped."""

    def __init__(
        self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, reaper: Reaper, tasks: Tasks
    ) -> None:
        """Watch processes of this machine."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._reaper = reaper
        self._tasks = tasks
        self._closing = False
        self._reaping: set[str] = set()
        self._announced: Watch | None = None

    def listen(self) -> None:
        """Hear of each death record as it is written."""
        try:
            self._announced = self._reaper.listen(self._recorded)
        except SensorError as error:
            _log.warning("deaths are noticed when the shims leave, a little later: %s", error.message)

    def close(self) -> None:
        """Take no more notice of anything."""
        self._closing = True
        if self._announced is not None:
            self._announced.cancel()

    def expected(self, live: LiveSession) -> bool:
        """Whether nobody misses its terminal: it is being reaped, or the daemon leaves."""
        return self._closing or live.session.id in self._reaping

    def watch(self, live: LiveSession) -> None:
        """Watch the processes of a session."""
        processes = processes_of(live)
        for process, ended in (
            (processes.agent, self.ended),
            (processes.shim, self.left),
            (processes.server, self._stranded),
        ):
            if process is None:
                continue
            try:
                live.watches.append(self._machine.processes.watch(process, partial(ended, live)))
            except SensorError as error:
                _log.warning("session %s cannot be watched: %s", live.session.id, error.message)

    def watch_program(self, live: LiveSession, program: ProcessId) -> None:
        """Watch the program of a session that has joined: its end is all that is to be known."""
        try:
            live.watches.append(self._machine.processes.watch(program, partial(self._parted, live)))
        except SensorError as error:
            _log.warning("session %s cannot be watched: %s", live.session.id, error.message)

    def _parted(self, live: LiveSession) -> None:
        """The program of a guest has ended."""
        if not self._closing:
            over = Over(live.session, Cause.PROGRAM_ENDED, f"its process {live.agent_pid} has ended")
            self._tasks.start(self._reaper.guests.close([over]), f"close {live.peer}")

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
            self.ended(live)

    def left(self, live: LiveSession) -> None:
        """Its shim has ended."""
        live.ends("the session's shim has ended")
        self.ended(live)

    def ended(self, live: LiveSession) -> None:
        """Its agent has ended: the session is reaped."""
        if not self._closing:
            self._tasks.start(self.reap_until_done(live), f"reap {live.peer}")

    def _stranded(self, live: LiveSession) -> None:
        """Its tmux server has ended: the shim is the first witness of that, this is the second (P10)."""
        if not self._closing:
            self._tasks.start(self._strand(live), f"strand {live.peer}")

    async def _strand(self, live: LiveSession) -> None:
        """Show that the session serves nobody any more while its shim ends it, and see that it does."""
        if await self.alive(processes_of(live).shim):
            await self._unknown(live, "its tmux server is gone, and its shim is ending it")
        await self.reap_until_done(live)

    async def reap_until_done(self, live: LiveSession) -> None:
        """Reap the session, again and again until it is done: nobody else notices an end that was noticed."""
        if live.session.id in self._reaping:
            return
        self._reaping.add(live.session.id)
        defects = 0
        try:
            while True:
                try:
                    await self._reap(live)
                except (RoostError, OSError) as error:
                    _log.warning("session %s cannot be reaped yet: %s", live.session.id, error)
                except Exception as error:  # noqa: BLE001 -- nobody else would close the row
                    _log.error("session %s cannot be reaped yet", live.session.id, exc_info=error)
                    defects += 1
                    if defects >= DEFECTS and await self._closed(live, judged(error).message):
                        return
                else:
                    return
                await self._machine.clock.sleep(AGAIN)
        finally:
            self._reaping.discard(live.session.id)

    async def _closed(self, live: LiveSession, why: str) -> bool:
        """Whether its row is closed without what looks at the session's end, which meets a defect."""
        try:
            await self._reaper.close(live.session, why)
        except (RoostError, OSError) as error:
            _log.warning("session %s cannot be closed yet: %s", live.session.id, error)
            return False
        return True

    async def _reap(self, live: LiveSession) -> None:
        """Reap the session once its shim has recorded the end or is gone: an agent's end is its to record."""
        await self._reaper.prepare(live)
        if not live.over.is_set():
            await self._over(live)
        await self._reaper.reap(live.session, live.context, live.witness)

    async def _over(self, live: LiveSession) -> None:
        """Wait for the shim; where it takes long, show that, and see that it ends."""
        processes = processes_of(live)
        if live.session.own_terminal:
            # Its shell may have stopped both: a shim that stands still records nothing.
            self._machine.processes.signal(processes.shim, signal.SIGCONT)
        watch = self._machine.processes.watch(processes.shim, partial(self.left, live))
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
        if processes.server is not None and not await self.alive(processes.server):
            return "its tmux server is gone and its shim is not", Cause.SERVER_EXIT
        if not await self.alive(processes.agent):
            return "its agent has ended and its shim has not", Cause.CRASHED
        return None

    async def alive(self, process: ProcessId) -> bool:
        """Whether a process may be alive: what cannot be told counts as that."""
        try:
            probe = await self._machine.work.processes.run(self._machine.processes.probe, process)
        except HungError:
            return True
        return probe.liveness is not Liveness.DEAD


def processes_of(live: LiveSession) -> Processes:
    """The three processes of a live session."""
    processes = live.session.processes
    assert processes is not None  # noqa: S101 -- a live session is built from its processes
    return processes
