"""The daemon as a whole: what is built from what, in which order it starts and ends."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.daemon.death.authority import Authority
from roost.daemon.death.reaper import Reaper
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.delivery.notices import Notices
from roost.daemon.door import Door
from roost.daemon.effects.executor import Executor
from roost.daemon.health.health import Health
from roost.daemon.health.heartbeat import beat
from roost.daemon.health.memory import Memory
from roost.daemon.health.own_log import OwnLog
from roost.daemon.health.retention import Retention
from roost.daemon.registrar.office import Office
from roost.daemon.registry.adoption import Adoption, Registry
from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.pool import Pools
from roost.daemon.registry.recovery import Recovery
from roost.daemon.registry.sweep import Sweeper
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.api.settings import SettingsCheck
from roost.daemon.serve.journal import JournalFeed
from roost.daemon.serve.logs import Logs
from roost.daemon.serve.methods.fleet import FleetMethods
from roost.daemon.serve.methods.granted import Granted
from roost.daemon.serve.methods.tables import all_methods
from roost.daemon.serve.metrics import Metrics
from roost.daemon.serve.servers import Servers
from roost.daemon.session.activity import Activity
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.folder import Folders
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.session.panes import PaneLogs
from roost.daemon.session.server_senses import ServerSenses
from roost.daemon.state.file_writes import FileWrites
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.ticker import Ticker
from roost.daemon.state.waits import Waits
from roost.daemon.state.watch_ends import WatchEnds
from roost.daemon.traces.export import TraceExport
from roost.errors import RoostError
from roost.host.spool import Spool
from roost.runtimes.codex_server.server import End, Wiring

if TYPE_CHECKING:  # only members of a fleet load what it takes
    from roost.daemon.hosts.hosts import Hosts

CLOSING = 10.0
"""Seconds for the store to be closed; everything in it is durable already."""

_log = logging.getLogger("roost.daemon")


class Daemon:
    """Everything wired together. `run` serves until `shut_down`."""

    def __init__(self, machine: Machine, rpc: socket.socket, http: socket.socket, lineage: Lineage) -> None:
        """Build the parts; nothing runs yet."""
        url = f"http://127.0.0.1:{http.getsockname()[1]}"
        self._machine = machine
        self._lineage = lineage
        self._tasks = Tasks()
        self._stop = asyncio.Event()
        self._end_agents = False
        policy = Policy(
            traits=machine.runtimes.traits(), expire=machine.config.expire, allow=machine.config.allow
        )
        self._fleet = Fleet(machine.store, machine.clock, policy, self._tasks)
        self._live_sessions = LiveSessions()
        launcher = Launcher(machine, url)
        self._hosts = _connected(machine, self._fleet, self._tasks, launcher.contexts)
        self._registrar = _registrar(machine, self._fleet, self._tasks, self._hosts)
        authority = Authority(machine, self._fleet)
        reaper = Reaper(machine, self._fleet, self._live_sessions, authority, Spool(machine.places.spool))
        self._reaper = reaper
        notices = Notices(self._fleet, machine.store, machine.clock)
        self._supervisor = Supervisor(machine, self._fleet, self._live_sessions, reaper, self._tasks)
        machine.runtimes.servers.wire(Wiring(ServerSenses(machine), self._tasks.start, self._ended))
        self._executor = Executor(
            machine,
            self._fleet,
            launcher,
            reaper,
            self._supervisor,
            authority,
            notices,
            self._tasks,
        )
        self._sweeper = Sweeper(machine, self._fleet, self._live_sessions, reaper, launcher)
        self._orphans = Orphans(machine, self._fleet, authority)
        self._recovery = Recovery(
            machine,
            self._fleet,
            self._executor,
            launcher,
            reaper,
            self._supervisor,
            self._sweeper,
            self._orphans,
        )
        self._executor.foreign.unknown = self._orphans.of_peer
        adoption = Adoption(machine, self._fleet, self._orphans, self._recovery)
        waits = Waits()
        feed = JournalFeed(machine.store)
        self._logs = Logs(machine.places, machine.config.log_size, machine.config.log_files)
        self._ticker = Ticker(self._fleet, machine.clock, self._tasks)
        self._ticker.look = self._supervisor.look
        self._fleet.listeners.on_effect = self._executor.run
        self._traces = TraceExport(machine, self._fleet)
        health = Health(
            machine,
            self._fleet,
            self._executor.foreign,
            self._sweeper,
            self._orphans,
            lineage,
            self._live_sessions,
            url,
            self._traces.exported,
            self._hosts.troubles if self._hosts is not None else dict,
        )
        self._notifications = health.notifications
        metrics = Metrics(self._fleet, machine.clock, self._traces.exported, self._notifications.told)
        if self._hosts is not None:
            self._executor.to_other_hosts = self._hosts.put
        pools = Pools(machine, self._fleet, self._live_sessions, self._tasks)
        self._fleet.listeners.on_committed += [
            waits.committed,
            self._log_attempts,
            metrics.committed,
            pools.committed,
        ]
        self._fleet.listeners.on_journal += [feed.committed, self._logs.soon, self._traces.journal]
        self._fleet.listeners.on_kept.append(waits.known)
        self._api = Api(
            machine,
            self._fleet,
            self._live_sessions,
            waits,
            launcher,
            self._supervisor,
            self._executor.foreign,
            feed,
            self._executor.ends.end_unstored,
            self._tasks,
            self._hosts,
        )
        by_host = FleetMethods(
            self._hosts, machine.member.servers if machine.member is not None else (), self._registrar
        )
        methods = all_methods(
            self._api,
            health,
            Registry(self._orphans, adoption, lineage),
            metrics,
            self._fleet,
            machine.store,
            feed,
            self.shut_down,
        )
        if self._hosts is not None:
            self._hosts.answering.doing = Granted(self._fleet, self._api.questions, methods)
        self._servers = Servers(
            machine,
            self._fleet,
            self._tasks,
            self._api,
            {**methods, **by_host.table()},
            metrics,
            self._supervisor,
            http,
        )
        self._listener = rpc
        launcher.tools = self._servers.tools_ready

    def shut_down(self, end_agents: bool = False) -> None:  # noqa: FBT001, FBT002 -- also a signal handler
        """Ask the daemon to end; its agents live on unless `end_agents`."""
        self._end_agents = end_agents
        self._stop.set()

    async def run(self, ready: Callable[[], None], recovered: Callable[[], None] = lambda: None) -> None:
        """Load, recover, serve, and end in order.

        `ready` is called when the daemon answers, `recovered` when all that the last one left is dealt with.
        Raises RoostError when it ends although nobody asked it to.
        """
        loaded = await self._machine.store.load()
        self._fleet.load(loaded.peers, loaded.watches)
        await self._servers.prepare()
        await self._api.peers.ensure_operator()
        if self._hosts is not None:
            await self._hosts.open(loaded.intents)
        if self._registrar is not None:
            self._tasks.start(self._registrar.run(), "registrar")
        self._supervisor.listen()
        recovering = self._tasks.start(self._recovery.run(loaded.intents), "recovery")
        self._tasks.start(self._sweep_after(recovering, recovered), "sweep")
        self._tasks.start(self._ticker.run(), "ticker")
        self._tasks.start(WatchEnds(self._fleet, self._machine.clock).run(), "watches")
        writes = FileWrites(self._fleet, self._machine.clock, self._machine.work.files)
        self._tasks.start(writes.run(), "file writes")
        self._tasks.start(self._lineage.run(), "store")
        activity = Activity(
            self._fleet,
            self._live_sessions,
            self._machine.places,
            self._machine.clock,
            self._machine.work.activity,
        )
        self._tasks.start(activity.run(), "activity")
        self._tasks.start(PaneLogs(self._machine, self._live_sessions).run(), "pane logs")
        self._tasks.start(Folders(self._live_sessions, self._machine.clock).run(), "folders")
        places, config = self._machine.places, self._machine.config
        own = OwnLog(
            places.logs / "daemon.log",
            config.log_size,
            config.log_files,
            self._machine.clock,
            self._machine.work.files,
        )
        self._tasks.start(own.run(), "own log")
        await self._traces.begin()
        self._tasks.start(self._traces.run(), "traces")
        await self._servers.open_socket(self._listener)
        notifier = self._machine.notifier
        self._tasks.start(beat(notifier, self._machine.clock), "watchdog")
        notifier.ready(f"answering on {self._machine.places.socket}")
        ready()
        serving = self._servers.open_port()
        door = Door(places.run, self._machine.environ, self._machine.work.launches, self._machine.clock)
        self._tasks.start(self._open(door), "native door")
        stop = self._tasks.start(self._stop.wait(), "stop")
        await asyncio.wait({stop, serving}, return_when=asyncio.FIRST_COMPLETED)
        notifier.stopping()
        if self._end_agents:
            await asyncio.wait({recovering})
            await self._stop_agents()
        await self._close(serving)
        if not self._stop.is_set():  # a service manager is to start it again
            raise RoostError("the loopback server ended by itself; see the log, then `roost up`")

    async def _open(self, door: Door) -> None:
        """Not before the port is served: two that load at once would hold up the first callers."""
        await self._servers.port_ready()
        await door.run()

    async def _sweep_after(self, recovering: "asyncio.Task[None]", recovered: Callable[[], None]) -> None:
        await asyncio.wait({recovering})
        recovered()
        self._tasks.start(Retention(self._machine, self._lineage).run(), "retention")
        self._tasks.start(self._api.transcripts.index.run(), "index of words")
        self._tasks.start(self._notifications.run(self._tasks), "notifications")
        self._tasks.start(Memory(self._machine.clock, self._machine.work.files).run(), "memory")
        await self._recovery.sweep()

    async def _stop_agents(self) -> None:
        """End every session as a clean park, one that is just starting too; none is woken meanwhile."""
        self._fleet.stop_waking()
        names = [state.peer.name for state in self._fleet.states() if state.sessions]
        await asyncio.gather(*(self._api.sessions.rest(name) for name in names))
        await self._reaper.cleanup.over()

    async def _close(self, serving: "asyncio.Task[None]") -> None:
        self._executor.closing = True
        self._supervisor.close()
        for live in self._live_sessions:
            live.hooks.release()
        self._servers.close()
        await asyncio.wait({serving}, timeout=3)  # what has failed there is in the log
        await self._machine.runtimes.servers.close()
        await self._tasks.close()
        self._api.usages.close()
        if self._hosts is not None:
            await self._hosts.close()
        if self._registrar is not None:
            await self._registrar.close()
        for live in self._live_sessions:
            if live.shown_in is not None:
                await live.terminal.close()
            await live.forget()
        try:
            async with asyncio.timeout(CLOSING):
                await self._lineage.keep()
                await self._machine.store.close()
        except TimeoutError:
            _log.error("the store does not close within %g s: its disk does not answer", CLOSING)

    def _ended(self, ends: list[End]) -> None:
        """Servers tell that threads of theirs are over."""
        if not self._executor.closing:
            self._tasks.start(self._reaper.guests.ended(ends), "ended threads")

    def _log_attempts(self, name: str, _state: PeerState | None, commands: tuple[c.Command, ...]) -> None:
        self._logs.attempts(name, self._machine.clock.now(), commands)


def _connected(machine: Machine, fleet: Fleet, tasks: Tasks, contexts: Contexts) -> "Hosts | None":
    """The links to other hosts; None where this one is alone, for which nothing of them is loaded."""
    if machine.member is None:
        return None
    from roost.daemon.hosts.connect import connect  # noqa: PLC0415 -- only members load what it takes

    async def check(settings: Settings) -> None:
        await SettingsCheck(machine).check(settings, args=True)

    return connect(machine.member, machine, fleet, tasks, contexts, check)


def _registrar(machine: Machine, fleet: Fleet, tasks: Tasks, hosts: "Hosts | None") -> Office | None:
    """Who lets hosts into the fleet; None where this host has not its hub."""
    if hosts is None or not machine.places.is_hub:
        return None
    from roost.daemon.registrar.registrar import open_registrar  # noqa: PLC0415 -- as above

    return open_registrar(machine, fleet, tasks, hosts.members.ring)
