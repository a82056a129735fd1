"""What people and agents can ask of the daemon: one composition behind the socket, MCP and HTTP."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN, OPERATOR, check_name
from roost.core.vocabulary.peer import Peer, PeerState, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.session import Session, SessionState
from roost.core.vocabulary.settings import apply_settings, show_settings
from roost.core.vocabulary.view import Shown, shown
from roost.core.vocabulary.words import told
from roost.daemon.serve.callers import Caller, Progress
from roost.daemon.serve.sender import Sender
from roost.daemon.session.failures import LaunchError
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race, won
from roost.daemon.state.threads import HungError
from roost.daemon.state.waits import Waits
from roost.errors import (
    ConfigError,
    DeniedError,
    NotFoundError,
    RefusedError,
    RoostError,
    StoreError,
    UsageError,
    WaitTimeoutError,
)
from roost.local.config import load_config
from roost.present.objects import message_object, message_story, peer_object, peer_row
from roost.runtimes.registry import BUILT_IN
from roost.store.interfaces import StoredMessage

P = ParamSpec("P")
T = TypeVar("T")
_AT_START = frozenset({"args", "dir", "prompt", "resume", "runtime"})
"""Settings that a session is started with."""
HEADS = 2.0
"""Seconds for the store to tell how messages begin: `show` does not wait for a disk that hangs."""
AWAITED = ("idle", "working", "blocked", "asleep", "gone")
"""States of a peer that can be waited for."""


class Api:
    """The daemon's operations."""

    def __init__(
        self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, waits: Waits, launcher: Launcher
    ) -> None:
        """Work on this fleet."""
        self._launcher = launcher
        self.machine = machine
        self.fleet = fleet
        self._live_sessions = live_sessions
        self._waits = waits
        self.sender = Sender(machine, fleet, waits, self.misplaced)
        self.end_unstored: Callable[[Session], Awaitable[None]] = _end_nothing
        """Ends a session while the store takes nothing."""

    # peers

    def rows(self) -> list[dict[str, Any]]:
        """The registry. The operator's own mailbox is not a peer to be listed."""
        now = self.machine.clock.now()
        return [
            self._told(peer_row(state, now)) for state in self.fleet.states() if state.peer.name != OPERATOR
        ]

    def _told(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row that says so where something of it is not stored."""
        trouble = self.fleet.trouble(row["name"])
        return {**row, "why": f"{row['why']} (not stored yet: {trouble})"} if trouble else row

    def row(self, name: str) -> dict[str, Any]:
        """One peer's row."""
        return self._told(peer_row(self.fleet.get(name), self.machine.clock.now()))

    async def show(self, name: str) -> dict[str, Any]:
        """Everything about one peer; how its messages begin only where the store tells it now."""
        state, heads = self.fleet.get(name), dict[str, str]()
        if state.messages:
            with contextlib.suppress(StoreError, TimeoutError):
                async with asyncio.timeout(HEADS):
                    heads = await self.machine.store.heads([message.id for message in state.messages])
        return self._told(peer_object(state, self.machine.clock.now(), heads))

    def misplaced(self, name: str) -> str | None:
        """What is wrong with the folder that a live peer works in."""
        live = self._live(name) if self.fleet.find(name) is not None else None
        return live.misplaced.why if live is not None and live.misplaced is not None else None

    async def add(self, name: str, pairs: Mapping[str, str]) -> list[str]:
        """Make a peer; returns lines for the asker."""
        check_name(name)
        given = dict(pairs)
        runtime, folder = given.pop("runtime", ""), given.pop("dir", "")
        if not runtime or not folder:
            raise UsageError("a peer needs a runtime and a directory")
        settings = apply_settings(Settings(dir=folder, runtime=runtime), given.items())
        notes = await self._check(settings)
        await self._answered(settings, self.machine.runtimes.check_args, settings)
        now = self.machine.clock.now()
        await self.fleet.add(Peer(name, self.machine.ids.token(), settings, created_at=now, since=now))
        await self.fleet.tell(name, f.Tick())  # one that is always up comes up now
        return notes

    async def set(self, name: str, pairs: Sequence[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
        """Change settings; returns all of them, and lines for the asker."""
        settings = apply_settings(self.fleet.get(name).peer.settings, pairs)
        notes = await self._check(settings)
        if {"args", "dir", "runtime"} & {key for key, _ in pairs}:
            await self._answered(settings, self.machine.runtimes.check_args, settings)
        await self.fleet.tell(name, r.Configure(settings))
        later = [key for key, _ in pairs if key in _AT_START or key.startswith("env.")]
        if later and self.fleet.get(name).sessions:
            which, counts = " and ".join(later), "counts" if len(later) == 1 else "count"
            notes.append(f"{which} {counts} from its next session on; `roost restart {name}` begins one now")
        return show_settings(settings), notes

    async def _check(self, settings: Settings) -> list[str]:
        """Lines for the asker of settings that can be. Raises RoostError for those that cannot."""
        notes = await self._learn(settings.runtime)
        self.machine.runtimes.check(settings.runtime)
        if not settings.dir.startswith("/"):
            raise UsageError(f"the directory '{settings.dir}' is not an absolute path")
        if not await self._answered(settings, Path(settings.dir).is_dir):
            raise RoostError(f"there is no directory {settings.dir}; make it first")
        return notes

    async def _learn(self, runtime: str) -> list[str]:
        """Take in a runtime that is new in the configuration file; says where that is not what is in use."""
        if runtime == HUMAN or runtime in BUILT_IN:
            return []
        known = runtime in self.machine.runtimes.names()
        try:
            tables = (await self.machine.work.files.run(load_config, self.machine.places.config)).runtimes
        except ConfigError:
            if known:
                return []
            raise
        self.machine.runtimes.learn(tables)
        if runtime not in self.machine.runtimes.differing(tables):
            return []
        cure = "`roost down` and `roost up` take the change in, agents live on"
        return [f"[runtimes.{runtime}] has changed in config.toml and is used as it was before; {cure}"]

    async def _answered(
        self, settings: Settings, look: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What a look at a peer's folder tells. Raises RoostError when its disk does not answer."""
        try:
            return await self.machine.work.launches.run_for(settings.dir, look, *args, **kwargs)
        except HungError as error:
            raise RoostError(f"the directory {settings.dir}: {error.strerror}; try again later") from error

    async def ensure_operator(self) -> None:
        """The operator has a mailbox, so that agents can answer."""
        if self.fleet.find(OPERATOR) is None:
            settings = Settings(dir="/", runtime=HUMAN, description="the person at the command line")
            now = self.machine.clock.now()
            await self.fleet.add(
                Peer(OPERATOR, self.machine.ids.token(), settings, created_at=now, since=now)
            )

    # messages

    async def message(self, message_id: str) -> StoredMessage:
        """One message by id or unambiguous prefix."""
        stored = await self.machine.store.message(message_id)
        if stored is None:
            raise NotFoundError(f"there is no message '{message_id}'; `roost messages` shows the latest")
        return stored

    async def story(self, stored: StoredMessage, *, whole: bool) -> dict[str, Any]:
        """A message's whole story, with how it begins or with its `whole` body."""
        message = stored.message
        state = self.fleet.find(message.to)
        recipient = peer_row(state, self.machine.clock.now()) if state is not None else None
        body = await self.machine.store.body(message.id) or b""
        return message_story(stored, recipient, body, whole=whole)

    async def resend(self, prefix: str, by: str) -> tuple[str, list[str]]:
        """Send a message again; returns its id and lines for the asker.

        One in doubt keeps its id. One that came to its end without being taken is repeated as a new message,
        the same one however often it is asked for. Raises RefusedError for any other.
        """
        message = (await self.message(prefix)).message
        if not message.final:
            outcome = await self.fleet.tell(message.to, r.Resend(message.id, by))
            return message.id, outcome.advice
        return await self.sender.repeat(message)

    async def drop(self, prefix: str, by: str) -> str:
        """Give up a message that waits or is in doubt; returns its id. Raises RefusedError for any other."""
        message = (await self.message(prefix)).message
        await self.fleet.tell(message.to, r.Drop(message.id, by))
        return message.id

    # sessions

    async def wake(
        self, name: str, mode: WakeMode, by: str, progress: Progress
    ) -> tuple[dict[str, Any], list[str]]:
        """Bring a peer to its prompt; its row, and lines for the asker.

        Raises RoostError when a person is needed, it cannot start, or nobody can tell what it does.
        """
        with self._waits.peer(name) as changes:
            if mode is WakeMode.FRESH:
                await self._look_first(name)
            before = self.fleet.get(name).session
            outcome = await self.fleet.tell(name, r.Wake(mode, by))
            stale = before.id if before is not None and mode is WakeMode.FRESH else None
            return await self._ready(name, stale, changes, progress), outcome.advice

    async def attachable(self, name: str, mode: WakeMode, by: str, progress: Progress) -> None:
        """Bring up a session that a person can join: one that runs is enough, ready or not."""
        with self._waits.peer(name) as changes:
            await self.fleet.tell(name, r.Wake(mode, by))
            while self._live(name) is None:
                state = self.fleet.get(name)
                if state.session is None and state.peer.pending is None:
                    raise RoostError(f"'{name}' could not be woken: {await self._last_reason(name)}")
                if state.session is not None:
                    _refuse_held(name, state.session)
                    progress({"state": str(state.session.state), "why": state.session.why})
                await changes.get()

    async def joinable(self, name: str) -> Path:
        """The socket of a live peer's terminal, on which its tmux server listens. Raises RoostError."""
        terminal = self.live(name).terminal
        await self.machine.terminals.reopen(terminal.socket, terminal.server)
        return terminal.socket

    async def restart(self, name: str, by: str, progress: Progress, *, resume: bool) -> dict[str, Any]:
        """Another session, ready: a fresh one, or one that goes on in the conversation."""
        with self._waits.peer(name) as changes:
            await self._look_first(name)
            before = self.fleet.get(name).session
            await self.fleet.tell(name, r.Restart(by, resume))
            return await self._ready(name, before.id if before else None, changes, progress)

    async def _look_first(self, name: str) -> None:
        """Raise RefusedError where a session would be ended and none could take its place."""
        state = self.fleet.get(name)
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
        launched: str | None = None
        while True:
            state = self.fleet.get(name)
            session = state.session
            leaving = session is None or session.state is SessionState.STOPPING
            if session is not None and not leaving and session.id != stale:
                launched = session.id
                progress({"state": str(session.state), "why": session.why})
                if session.state is SessionState.UNKNOWN and self._live(name) is None:
                    raise RoostError(f"'{name}' could not be woken: {session.why}")
                if session.state is SessionState.BLOCKED:
                    _refuse_held(name, session)
                    raise RoostError(
                        f"'{name}' needs a person: {session.why}; join it with `roost attach {name}`"
                    )
                if session.ready and session.state is SessionState.UNKNOWN:
                    raise RoostError(
                        f"'{name}' is awake, and what it does is not known: {session.why};"
                        f" `roost screen {name}` shows its terminal"
                    )
                if session.ready:
                    return self.row(name)
            if session is None and launched is not None and state.peer.pending is None:
                raise RoostError(f"'{name}' could not be woken: {await self._last_reason(name)}")
            await changes.get()

    async def _last_reason(self, name: str) -> str:
        deaths = await self.machine.store.deaths(name, 1)
        return f"it {told(deaths[-1].cause, deaths[-1].evidence)}" if deaths else "its session ended at once"

    async def stop(self, name: str, by: str) -> dict[str, Any]:
        """Park a peer and wait until its session is over."""
        if self.is_mailbox(name):
            raise RefusedError(
                f"'{name}' is a mailbox; there is nothing to stop, and it takes mail as before"
            )
        with self._waits.peer(name) as changes:
            await self._end_all(name, r.Stop(by))
            while self.fleet.get(name).sessions:
                await changes.get()
        return self.row(name)

    async def _end_all(self, name: str, event: r.Stop | r.Rest) -> None:
        """Have all sessions of a peer ended. That needs no store: what it refuses is recorded later."""
        if not await self.fleet.insist(name, event):
            await asyncio.gather(*(self.end_unstored(session) for session in self.fleet.get(name).sessions))

    async def rest(self, name: str) -> None:
        """End a peer's sessions as a clean park, without stopping the peer."""
        with self._waits.peer(name) as changes:
            before = [session.id for session in self.fleet.get(name).sessions]
            await self._end_all(name, r.Rest("operator"))
            while any(self.fleet.get(name).find_session(session) for session in before):
                await changes.get()

    async def put_to_sleep(self, name: str) -> tuple[dict[str, Any], list[str]]:
        """End a peer's sessions now, as its idle time does later; its row, and what wakes it again."""
        if self.is_mailbox(name):
            raise RefusedError(f"'{name}' is a mailbox; there is nothing to put to sleep")
        state = self.fleet.get(name)
        if not state.sessions:
            return self.row(name), [
                f"'{name}' has no session; it is {shown(state, self._now()).state} already"
            ]
        await self.rest(name)
        again = state.queued or state.turn or state.peer.settings.wake is WakePolicy.ALWAYS
        why = "something waits for it" if state.queued or state.turn else "wake=always keeps it up"
        note = f"'{name}' is woken again at once: {why}; `roost stop {name}` parks it"
        return self.row(name), [note] if again else []

    async def wait(
        self, name: str, state: str, timeout: float | None, progress: Progress
    ) -> dict[str, Any] | None:
        """Return when a peer is in a state of `list`; None: it is gone, as was waited for.

        It is idle when nothing waits for it, too.

        Raises WaitTimeoutError when so many seconds have passed, NotFoundError when it is removed meanwhile.
        """
        if state not in AWAITED:
            raise UsageError(f"'{state}' cannot be waited for; known are {', '.join(AWAITED)}")
        if state == "gone" and self.fleet.find(name) is None:
            return None
        self.fleet.get(name)
        waiting = self._until(name, state, progress)
        timer = [self.machine.clock.sleep(timeout)] if timeout is not None else []
        outcome, *_ = await race(waiting, *timer)
        if not won(outcome):
            view = shown(self.fleet.get(name), self._now())
            raise WaitTimeoutError(f"'{name}' is not {state} yet, but {view.state}: {view.why}")
        return outcome.result()

    async def _until(self, name: str, state: str, progress: Progress) -> dict[str, Any] | None:
        told_last: Shown | None = None
        with self._waits.peer(name) as changes:
            while (found := self.fleet.find(name)) is not None or state != "gone":
                found = found or self.fleet.get(name)
                view = shown(found, self._now())
                waits = found.queued or found.in_flight
                if view.state == state and not (state == "idle" and waits):
                    return self.row(name)
                if told_last is None or (view.state, view.why) != (told_last.state, told_last.why):
                    told_last = view
                    progress({"state": view.state, "why": view.why})
                await changes.get()
        return None

    def _now(self) -> float:
        return self.machine.clock.now()

    async def start(self, name: str, by: str) -> dict[str, Any]:
        """Unpark a peer."""
        await self.fleet.tell(name, r.Start(by))
        return self.row(name)

    async def control(self, name: str, event: r.Interrupt | r.Compact, progress: Progress) -> dict[str, Any]:
        """Have something done to a running session; returns when it is done, with what was done.

        Raises RoostError when it could not be done, or the session ended meanwhile.
        """
        with self._waits.peer(name) as changes:
            outcome = await self.fleet.tell(name, event)
            session = outcome.state.session if outcome.state is not None else None
            control = session.open_control if session is not None else None
            if session is None or control is None:
                return {**self.row(name), "done": False, "note": " ".join(outcome.advice)}
            while control.ended_at is None:
                progress({"state": str(control.kind), "why": session.why})
                await changes.get()
                now = self.fleet.get(name).find_session(session.id)
                if now is None:
                    raise RoostError(f"the session of '{name}' ended meanwhile; see `roost deaths {name}`")
                if now.control is None or now.control.at != control.at:
                    raise RoostError(f"'{name}' was interrupted meanwhile; it was not compacted")
                session, control = now, now.control
        if control.failed is not None:
            raise RoostError(f"'{name}': {control.failed}")
        return {**self.row(name), "done": True, "note": control.note}

    async def rename(self, name: str, new: str, by: str, *, force: bool) -> dict[str, Any]:
        """Give a peer another name and return when it has it; with `force` its session ends before."""
        if name == OPERATOR:
            raise RefusedError("the operator's mailbox keeps its name")
        check_name(new)
        with self._waits.peer(name) as changes:
            await self.fleet.rename(name, r.Rename(new, by, force))
            while self.fleet.find(new) is None:
                self.fleet.get(name)
                await changes.get()
        return self.row(new)

    async def refresh(self, name: str, by: str) -> dict[str, Any]:
        """Mark a peer: its next natural wake is fresh."""
        await self.fleet.tell(name, r.Refresh(by))
        return self.row(name)

    async def remove(self, name: str, by: str, *, force: bool) -> tuple[str, int]:
        """Purge a peer; returns its folder, which is kept, and how many unfinished messages went with it."""
        if name == OPERATOR:
            raise RefusedError("the operator's mailbox cannot be removed")
        with self._waits.peer(name) as changes:
            state = self.fleet.get(name)
            await self.fleet.tell(name, r.Remove(by, force))
            while self.fleet.find(name) is not None:
                await changes.get()
        return state.peer.settings.dir, len(state.messages)

    def live(self, name: str) -> LiveSession:
        """The live session of a peer; raises RefusedError when it sleeps."""
        if self.is_mailbox(name):
            raise RefusedError(f"'{name}' is a mailbox and has no terminal; see `roost inbox {name}`")
        live = self._live(name)
        if live is None:
            if (session := self.fleet.get(name).session) is not None:
                _refuse_held(name, session)
            raise RefusedError(f"'{name}' has no live session; wake it with `roost wake {name}`")
        return live

    def _live(self, name: str) -> LiveSession | None:
        session = self.fleet.get(name).session
        return self._live_sessions.find(session.id) if session is not None else None

    def is_mailbox(self, name: str) -> bool:
        """Whether a peer has no process of its own."""
        return self.fleet.policy.of(self.fleet.get(name).peer.settings.runtime).mailbox

    async def done(self, caller: Caller, summary: str) -> None:
        """An agent says that it is done."""
        if caller.peer is None or caller.session is None:
            raise DeniedError("`done` is for an agent inside its own session")
        await self.fleet.tell(caller.peer, f.Completed(caller.session, summary))

    async def fresh(self, caller: Caller) -> None:
        """An agent asks for a fresh session of itself."""
        if caller.peer is None or caller.session is None:
            raise DeniedError("`fresh` is for an agent inside its own session")
        await self.fleet.tell(caller.peer, r.FreshAsked(caller.session))

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """Messages that wait for a peer, as an agent sees its own inbox."""
        return [message_object(message) for message in self.fleet.get(name).messages]


async def _end_nothing(_session: Session) -> None:
    """Nobody holds sessions."""


def _refuse_held(name: str, session: Session) -> None:
    """Raise RefusedError for a session that waits for its conversation: nothing is there to join."""
    if session.held:
        raise RefusedError(f"'{name}' waits: {session.why}, or `roost restart {name}` begins a fresh one")
