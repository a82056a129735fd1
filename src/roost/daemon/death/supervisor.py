"""Keeps live sessions: drives them, and joins their terminals again, until they have ended."""

import asyncio
import logging
from functools import partial
from pathlib import Path

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.death.exits import Exits, processes_of
from roost.daemon.death.reaper import Reaper
from roost.daemon.session.driver import UNHEARD, Driver
from roost.daemon.session.failures import judged
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.errors import RoostError
from roost.host.errors import TmuxGone
from roost.host.interfaces.terminals import Terminal
from roost.runtimes.call import Call

REJOIN = 0.5
"""Seconds between two attempts to join a terminal again whose tmux server lives."""
LOOKED = 5.0
"""Seconds that a look may take which is taken before an end is judged."""
LOOK = 0.05
HELD = 30.0
"""Seconds between two tries to look at a session that is not held, and until that is given up: one that a
starting daemon takes over is held by then."""
AGAIN = 2.0
"""Seconds until a session that could not be watched is watched."""

_log = logging.getLogger("roost.supervisor")


class NotHeldError(RoostError):
    """A session runs, and is not held: nothing can be done in it."""


class Supervisor:
    """Holds every live session until its shim is gone."""

    def __init__(
        self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, reaper: Reaper, tasks: Tasks
    ) -> None:
        """Keep sessions on this machine."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._tasks = tasks
        self._drivers: dict[str, Driver] = {}
        self._exits = Exits(machine, fleet, live_sessions, reaper, tasks)

    def listen(self) -> None:
        """Hear of each death record as it is written."""
        self._exits.listen()

    def close(self) -> None:
        """Take no more notice of anything: the daemon leaves and the sessions stay."""
        self._exits.close()

    def live(self, session: str | None) -> LiveSession | None:
        """A live session by its id."""
        return self._live_sessions.find(session)

    def held(self) -> int:
        """How many sessions are held."""
        return sum(1 for _ in self._live_sessions)

    def driver(self, session: str | None) -> Driver | None:
        """The driver of a live session."""
        return self._drivers.get(session) if session is not None else None

    async def when_held(self, session: Session) -> tuple[LiveSession, Driver] | None:
        """The live session and its driver, once it is held; None where it ends before that.

        Raises NotHeldError after a while: nobody knows when one that cannot be taken over will be held.
        """
        late = self._machine.clock.monotonic() + HELD
        while True:
            current = self._fleet.get(session.peer).find_session(session.id)
            if current is None or current.state is SessionState.STOPPING:
                return None
            live, driver = self.live(session.id), self.driver(session.id)
            if live is not None and driver is not None:
                return live, driver
            if self._machine.clock.monotonic() >= late:
                raise NotHeldError(f"nothing can be done in its session now: {current.why}")
            await self._machine.clock.sleep(LOOK)

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

    def hold(self, live: LiveSession) -> None:
        """Hold a live session that is not looked at yet."""
        self._live_sessions.add(live)

    def supervise(self, live: LiveSession) -> None:
        """Hold a live session: watch its processes, if it has any of its own, and drive it."""
        self.hold(live)
        if live.call is not None:
            self._tasks.start(self._follow(live, live.call), f"calls {live.peer}")
        if live.session.agent is not None:
            live.halted = partial(self._halted, live.session.agent)
        if live.session.processes is not None:
            self._exits.watch(live)
        elif live.session.joined is not None:
            self._exits.watch_program(live, live.session.joined.process)
        if live.shown_in is not None:
            self._hear_of_its_end(live, live.shown_in)
        self._begin(live)

    def _hear_of_its_end(self, live: LiveSession, terminal: Terminal) -> None:
        """Take notice when the connection to its terminal ends."""
        terminal.on_gone(lambda: self._disconnected(live))

    async def _follow(self, live: LiveSession, call: Call) -> None:
        """Hear what a session's program tells by its API, until the session is let go of."""
        while not live.forgotten:
            try:
                await call.follow(live.heard)
            except Exception as error:  # noqa: BLE001 -- its driver still reads its record
                cause = judged(error)
                defect = error if cause.blame is Blame.ROOST else None
                _log.error("session %s is not heard: %s", live.session.id, cause.message, exc_info=defect)
            await self._machine.clock.sleep(AGAIN)

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
        """The terminal has gone; that of a session that is being reaped is missed by nobody."""
        if not self._exits.expected(live):
            self._tasks.start(self._rejoin(live), f"rejoin {live.peer}")

    async def _rejoin(self, live: LiveSession) -> None:
        """The connection ended. While the server lives, join again: a person may have detached us all.

        Its driver goes on, and knows which keys it has pressed.
        """
        server = processes_of(live).server
        assert server is not None  # noqa: S101 -- what has a terminal of ours has its server
        while True:
            try:
                terminal = await self.connect(live.terminal.socket, server)
            except (RoostError, OSError) as error:
                unknown = f.Observed(live.session.id, SessionState.UNKNOWN, f"{UNHEARD}{error}")
                await self._fleet.report(live.peer, unknown)
                await self._machine.clock.sleep(REJOIN)
                continue
            if terminal is None:
                await self._exits.reap_until_done(live)
                return
            live.shown_in = terminal
            self._hear_of_its_end(live, terminal)
            live.poke.set()
            return

    async def connect(self, socket: Path, server: ProcessId) -> Terminal | None:
        """Connect to a running terminal; None when its tmux server is dead.

        Raises TmuxError when the server lives and cannot be reached, which proves nothing of the agent.
        """
        try:
            return await self._machine.terminals.adopt(socket)
        except TmuxGone:
            if not await self._exits.alive(server):
                return None
        try:
            await self._machine.terminals.reopen(socket, server)
            return await self._machine.terminals.adopt(socket)
        except TmuxGone:
            if not await self._exits.alive(server):
                return None
            raise

    def _halted(self, process: ProcessId) -> bool:
        """Blocking: whether a signal or a debugger holds a process."""
        return self._machine.processes.probe(process).stopped
