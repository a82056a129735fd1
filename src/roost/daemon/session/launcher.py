"""Brings up a session: private files, token, tmux server, shim, agent."""

import asyncio
import hashlib
import logging
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.session import Processes, Session, stand_in
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.failures import REPLACED, LaunchError, gone, judged, not_run
from roost.daemon.session.free_line import FreeLine
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.origin import Origin, write_origin
from roost.daemon.session.runs import Order
from roost.daemon.state.machine import Machine
from roost.errors import ConfigError, RoostError
from roost.host.errors import SensorError, TmuxError, TmuxGone
from roost.host.files import ensure_private_directory, write_atomic
from roost.host.interfaces.processes import Liveness
from roost.host.interfaces.terminals import Terminal
from roost.host.interfaces.watch import Watch
from roost.host.process_table import HOME_VARIABLE, NONCE_VARIABLE, SESSION_VARIABLE
from roost.host.shim_spec import Companion, ShimSpec, Started, read_started, shim_argv
from roost.local.config import load_config
from roost.local.paths import Places
from roost.runtimes.context import Context
from roost.runtimes.runtime import LaunchPlan, Runtime
from roost.store.interfaces import Batch, Token

_log = logging.getLogger("roost.launcher")
STARTED = 15.0
ELSEWHERE = 30.0
LEFT = 2.0
"""Seconds for the shim to report: in our terminal, in a person's, and once its terminal has ended."""


class NothingToResumeError(RoostError):
    """The conversation is not on disk, or its program takes none up again."""


def token_hash(token: str) -> str:
    """What the store keeps of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


class Launcher:
    """Starts sessions, and rebuilds the context of running ones."""

    def __init__(self, machine: Machine, url: str) -> None:
        """Start on this machine; `url` is the daemon's loopback address."""
        self._machine = machine
        self._url = url
        self.contexts = Contexts(
            machine.places, machine.runtimes, machine.environ, machine.config.passes, url
        )
        self.tools: Callable[[], Awaitable[None]] | None = None
        """Returns when the agents' tools can be called; None where nobody serves them."""

    def context(self, session: Session, settings: Settings) -> Context:
        """The session as its runtime sees it.

        A runtime that has gone from the configuration starts nothing, but what it started can be ended.
        """
        return self.contexts.of(session, settings)

    async def learn(self, runtime: str) -> None:
        """Take in a runtime that is not known, where it stands in the configuration file by now."""
        if runtime in self._machine.runtimes.names():
            return
        with suppress(ConfigError):  # `roost doctor` tells of it
            config = await self._machine.work.files.run(load_config, self._machine.places.config)
            self._machine.runtimes.learn(config.runtimes)

    async def hand_on(self, session: Session, settings: Settings) -> None:
        """See `Contexts.hand_on`. Raises OSError, HostError."""
        await self._machine.work.files.run(self.contexts.hand_on, session, settings)

    async def launch(self, session: Session, settings: Settings) -> LiveSession:
        """Start the session's processes. Raises LaunchError, or another RoostError, with the reason."""
        context = self.context(session, settings)
        runtime = self._machine.runtimes.get(settings.runtime)
        spec, env = await self._prepare(context, runtime)
        socket, report = self._machine.places.terminal(session.id), context.home / "started.json"
        try:
            terminal = await self._machine.terminals.start(
                socket, shim_argv(spec), _server_environment(env), Path("/")
            )
        except TmuxGone as error:
            await self._started(report, LEFT)
            raise LaunchError("it ended at once", Blame.PROGRAM) from error
        except TmuxError as error:
            raise await self._machine.work.files.run(self._judged, report, error) from error
        try:
            started = await self._started(report, STARTED)
            await self._machine.work.files.run(spec.unlink, missing_ok=True)
            log = pane_log(self._machine.places, session)
            await terminal.log_to(log, self._machine.config.log_size)
            return live_session(context, runtime, terminal, started, log)
        except TmuxError as error:
            await terminal.close()
            raise await self._machine.work.files.run(self._judged, report, error) from error
        except BaseException:
            await terminal.close()
            raise

    async def launch_elsewhere(self, session: Session, settings: Settings) -> LiveSession:
        """Have the session started in the terminal of the person who waits for that.

        Raises LaunchError, or another RoostError, with the reason.
        """
        order = self.contexts.runs.ordered(session.peer)
        if order is None:
            raise LaunchError("nobody waits in a terminal to run it", Blame.HOST)
        try:
            await self._machine.work.files.run(self.contexts.runs.keep, session.peer, order.run, session.id)
            context = self.context(session, settings)
            runtime = self._machine.runtimes.get(settings.runtime)
            spec, _ = await self._prepare(context, runtime)
        except (RoostError, OSError) as error:
            if not order.ready.done():
                order.ready.set_exception(judged(error))
            raise
        if not order.ready.done():
            order.ready.set_result(spec)
        ended = asyncio.Event()
        watch = self._watch(order, ended.set)
        try:
            started = await self._started(context.home / "started.json", ELSEWHERE, ended)
        finally:
            if watch is not None:
                watch.cancel()
            # Without it a process that comes late starts nothing.
            await self._machine.work.files.run(_unlink, spec)
        return live_session(context, runtime, None, started)

    def _watch(self, order: Order, ended: Callable[[], None]) -> Watch | None:
        """Notice that nobody is left who could begin it."""
        if order.ready.cancelled():  # whoever asked has left
            ended()
        if order.process is None:
            return None
        try:
            return self._machine.processes.watch(order.process, ended)
        except SensorError as error:
            _log.warning(
                "process %d, which begins a session, cannot be watched: %s", order.process.pid, error
            )
            return None

    async def _prepare(self, context: Context, runtime: Runtime) -> tuple[Path, dict[str, str]]:
        """Make all that the session's shim needs: its instructions, and the agent's environment."""
        session, settings = context.session, context.settings
        plan = await self._machine.work.launches.run_for(session.peer, self._plan, runtime, context)
        if plan.calls and self.tools is not None:
            await self.tools()
        token = await self.token(session)
        env = self._environment(context, plan, token)
        origin = Origin(self._machine.store_id, self._url, token_hash(token), settings, session)
        await self._machine.work.files.run(write_origin, context.home, origin)
        return await self._machine.work.files.run(self._write, context, plan, env), env

    async def token(self, session: Session) -> str:
        """A token of its own for a session; the store keeps its hash. Raises StoreError."""
        token = self._machine.ids.token()
        stored = Token(token_hash(token), session.id, session.peer)
        await self._machine.store.commit(Batch(at=self._machine.clock.now(), tokens=(stored,)))
        return token

    def _plan(self, runtime: Runtime, context: Context) -> LaunchPlan:
        """Blocking: check what the launch needs, and ask the runtime how to start."""
        program = _located(runtime, context)
        if context.session.resumed and not runtime.traits.resumable:  # it was not known as that was decided
            raise NothingToResumeError("its program cannot go on with a conversation")
        if context.session.resumed and runtime.transcript(context) is None:
            raise NothingToResumeError(f"conversation {context.session.conversation} is not on disk")
        ensure_private_directory(context.shared)
        ensure_private_directory(context.home)
        plan = runtime.plan(context)
        # Where another program starts the agent's, the plan has that one's path.
        if plan.argv[0] == sys.executable:
            return plan
        beside = plan.beside and replace(plan.beside, argv=(program, *plan.beside.argv[1:]))
        return replace(plan, argv=(program, *plan.argv[1:]), beside=beside)

    def _environment(self, context: Context, plan: LaunchPlan, token: str) -> dict[str, str]:
        session = context.session
        base = dict(context.settings.env) if session.own_terminal else context.environ
        return {
            **base,
            **plan.env,
            SESSION_VARIABLE: session.id,
            NONCE_VARIABLE: session.nonce,
            "ROOST_PEER": session.peer,
            "ROOST_TOKEN": token,
            "ROOST_URL": self._url,
            HOME_VARIABLE: str(self._machine.places.home),
        }

    def _write(self, context: Context, plan: LaunchPlan, env: Mapping[str, str]) -> Path:
        """Blocking: write the runtime's files and the shim's instructions; returns the latter."""
        places, session = self._machine.places, context.session
        for name, content in plan.files.items():
            ensure_private_directory((context.home / name).parent)
            write_atomic(context.home / name, content.encode())
        own = session.own_terminal
        log = None if own else pane_log(places, session)
        sockets = (places.terminal(session.id).parent, context.socket.parent)
        for directory in (places.spool, places.forensics, *(() if log is None else (log.parent,)), *sockets):
            ensure_private_directory(directory)
        if log is not None and log.exists():
            log.replace(log.with_suffix(".log.1"))
        spec = ShimSpec(
            argv=plan.argv,
            env=env,
            cwd=context.directory,
            session=session.id,
            peer=session.peer,
            generation=session.generation,
            nonce=session.nonce,
            boot=self._machine.processes.boot_id(),
            spool=places.spool,
            exits_log=places.exits_log,
            forensics_dir=places.forensics,
            teardown=context.home / "teardown",
            started=context.home / "started.json",
            pane_log=log,
            log_size=self._machine.config.log_size,
            log_files=self._machine.config.log_files,
            umask=None if own else self._machine.inherited.umask,
            open_files=None if own else self._machine.inherited.open_files,
            companion=_companion(context, plan),
            own_terminal=own,
        )
        path = context.home / "shim.json"
        spec.write(path)
        return path

    async def check(self, peer: Peer) -> None:
        """Look whether a session of the peer could be started. Raises LaunchError."""
        context = self.context(stand_in("", peer.name, peer.generation, peer.conversation), peer.settings)
        try:
            runtime = self._machine.runtimes.get(peer.settings.runtime)
            await self._machine.work.launches.run_for(peer.name, _located, runtime, context)
        except (RoostError, OSError) as error:
            raise judged(error) from error

    def _judged(self, report: Path, error: TmuxError) -> LaunchError:
        """Blocking: a terminal refuses for lack of something, or as its agent's program ran and ended."""
        started = read_started(report, self._machine.processes)
        if started is None or started.error is not None:
            return judged(error)
        if started.agent is None or self._machine.processes.probe(started.agent).liveness is Liveness.DEAD:
            return LaunchError("it ended at once", Blame.PROGRAM)
        return judged(error)

    async def _started(self, path: Path, bound: float, ended: asyncio.Event | None = None) -> Started:
        """The shim's report. Raises LaunchError when the agent's program did not run, or within `bound`.

        `ended`: set once what is or becomes the shim has ended.
        """
        clock = self._machine.clock
        deadline = clock.monotonic() + bound
        while True:
            over = ended is not None and ended.is_set()  # asked before the report is: there is none after it
            started = await self._machine.work.files.run(read_started, path, self._machine.processes)
            if started is not None:
                if started.error is not None:
                    raise not_run(started.error, started.errno)
                return started
            if over:
                raise LaunchError("the process that was to run it had ended before", Blame.HOST)
            if clock.monotonic() >= deadline:
                raise LaunchError(f"the session's shim did not report within {bound:g} s", Blame.HOST)
            await clock.sleep(0.002)


def _located(runtime: Runtime, context: Context) -> str:
    """Blocking: the path of the agent's program, whose arguments are sound.

    Raises LaunchError, RuntimeMissingError or InvalidSettingError.

    What is looked for can be away for seconds, as while a program is updated, or for good.
    """
    if gone():
        raise LaunchError(REPLACED, Blame.ROOST)
    if not context.directory.is_dir():
        there = context.directory.exists()
        why, cure = ("is a file", "move that away") if there else ("is not there", "make it again")
        raise LaunchError(
            f"the directory {context.directory} {why}; {cure} or `roost set {context.session.peer} dir=...`",
            Blame.SETUP,
        )
    if not context.session.own_terminal:  # there arguments are a person's of this one run
        runtime.check(context.settings)
    if context.settings.threaded:
        return ""  # nothing is started
    return runtime.locate(context.environ.get("PATH"))


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _companion(context: Context, plan: LaunchPlan) -> Companion | None:
    """What the shim is to run beside the agent."""
    beside = plan.beside
    return beside and Companion(beside.name, beside.argv, context.socket, context.home / f"{beside.name}.log")


def pane_log(places: Places, session: Session) -> Path:
    """Where the output of the session's terminal goes: a peer's own log shows its active session."""
    return places.pooled_log(session.id) if session.pooled else places.pane_log(session.peer)


def live_session(
    context: Context, runtime: Runtime, terminal: Terminal | None, started: Started, log: Path | None = None
) -> LiveSession:
    """The live session of a launch or an adoption; without a terminal it is in a person's own.

    Raises LaunchError when it is not known what runs.
    """
    lacks_server = terminal is not None and started.server is None
    if started.agent is None or started.shim is None or lacks_server:
        raise LaunchError("the agent ended before it could be identified", Blame.PROGRAM)
    socket = "" if terminal is None else str(terminal.socket)
    processes = Processes(started.agent, started.shim, started.server, socket)
    session = replace(context.session, processes=processes)
    context = replace(context, session=session)
    sensor, call = runtime.sensor(context), runtime.call(context)
    free = FreeLine(session.started_at, ready=session.ready)
    return LiveSession(context, runtime, sensor, terminal, started.agent.pid, log, call=call, free=free)


def _server_environment(env: Mapping[str, str]) -> dict[str, str]:
    """What the tmux server and the shim need of the agent's environment: the markers too, but no token.

    The shim gives the agent its whole environment from the spec.
    """
    return {name: value for name, value in env.items() if name != "ROOST_TOKEN"}
