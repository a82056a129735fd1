"""What is asked by a session that somebody else has started: to join, and to leave."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import AwayPolicy, WakePolicy
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.settings import apply_settings
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.serve.api.guest_names import GuestNames
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.api.thread_joining import ThreadJoining
from roost.daemon.serve.caller import Caller
from roost.daemon.session.joins import Guest, Joins
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.runs import Run
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.waits import Waits
from roost.errors import DeniedError, RefusedError, RoostError

_ADOPT = ("away", str(AwayPolicy.RESUME))


class Asked(Struct, frozen=True):
    """What a session says of itself; `name` is empty where it takes the one that it had, or any.

    `adopt`: once it has ended, mail goes on with its conversation in a session of ours (`away=resume`).
    """

    name: str
    dir: str
    environ: Mapping[str, str]
    adopt: bool = False


class Joining:
    """Takes sessions in and lets them go."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        waits: Waits,
        peers: Peers,
        launcher: Launcher,
        supervisor: Supervisor,
    ) -> None:
        """Join peers of this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._waits = waits
        self._peers = peers
        self._launcher = launcher
        self._supervisor = supervisor
        self._joins = Joins(machine, launcher.contexts)
        self._names = GuestNames(fleet)
        self._threads = ThreadJoining(machine, fleet, waits, peers)

    async def join(self, caller: Caller, asked: Asked, by: str) -> dict[str, Any]:
        """The session that asks becomes a peer. Raises RoostError with the reason where it cannot.

        Its turn stands still meanwhile, so that its end has our hooks, and it is reached at rest after it.
        """
        if caller.is_agent:
            return self._again(caller, asked)
        if caller.pid is None:
            raise RefusedError(
                "who asks cannot be told here: `roost join` works where the daemon sees its process;"
                " `roost mcp --as NAME` speaks for a mailbox from anywhere"
            )
        look = self._joins.recognise
        guest = await self._machine.work.processes.run(look, caller.pid, asked.environ, asked.dir)
        name = self._names.of(guest, asked.name)
        if guest.server:
            await self._threads.join(name, guest, by)
            return self._joined(name)
        await self._settle(name, guest)
        outcome = await self._fleet.tell(name, r.Join(by, guest.conversation, guest.process, guest.reads))
        session = outcome.state.session if outcome.state is not None else None
        assert session is not None  # noqa: S101 -- what does not join is refused
        if self._supervisor.live(session.id) is not None:
            return self._joined(name)
        hooks = await self._take_in(session, guest, asked)
        if asked.adopt:
            settings = apply_settings(self._fleet.get(name).peer.settings, [_ADOPT])
            await self._fleet.tell(name, r.Configure(settings))
        row = self._peers.row(name)
        await self._joins.taken_up(guest)
        return {**row, "hooks": hooks}

    def _joined(self, name: str) -> dict[str, Any]:
        """One that had joined before, with whether its hooks have called or were written for it."""
        session = self._fleet.get(name).session
        return {**self._peers.row(name), "hooks": session is not None and not session.reads}

    async def _take_in(self, session: Session, guest: Guest, asked: Asked) -> bool:
        """Hold it, and have it ask for its mail; where that cannot be, it has not joined.

        Whether there are hooks that may call.
        """
        contexts, settings = self._launcher.contexts, self._fleet.get(session.peer).peer.settings
        run = Run("", guest.dir, (), contexts.passed(settings, asked.environ))
        try:
            await self._machine.work.files.run(contexts.runs.keep, session.peer, run, session.id)
            live = self._joins.hold(session, settings)
            await self._machine.work.files.run(live.context.home.mkdir, 0o700, parents=True, exist_ok=True)
            token = await self._launcher.token(session)
            hooks = await self._joins.hook(live, token)
            self._supervisor.supervise(live)
        except (RoostError, OSError) as error:
            await self._let_go(session.peer, session.id, "roost")
            if isinstance(error, OSError):
                raise RefusedError(f"its hooks cannot be written: {error}") from error
            raise
        return hooks

    def _again(self, caller: Caller, asked: Asked) -> dict[str, Any]:
        """Who is a session already stays what it is."""
        assert caller.peer is not None  # noqa: S101 -- an agent is a peer
        state = self._fleet.get(caller.peer)
        session = state.find_session(caller.session)
        if session is None or not session.guest:
            raise RefusedError(f"this session is '{caller.peer}' already, and roost runs it")
        if asked.name not in ("", caller.peer):
            raise RefusedError(f"this session has joined as '{caller.peer}'; `roost leave` first")
        if asked.adopt and session.joined is not None and not state.peer.settings.resumes_away:
            raise DeniedError(
                f"`roost set {caller.peer} away=resume`, from a terminal of yours, does that now"
            )
        return self._joined(caller.peer)

    async def leave(self, caller: Caller, by: str) -> dict[str, Any]:
        """The session that asks is let go of; returns once that is done."""
        if caller.peer is None or caller.session is None:
            raise DeniedError("this session has not joined; `roost list` shows who has")
        await self._let_go(caller.peer, caller.session, by)
        return self._peers.row(caller.peer)

    async def _let_go(self, name: str, session: str, by: str) -> None:
        """Have a session leave, and wait until it has."""
        with self._waits.peer(name) as changes:
            await self._fleet.tell(name, r.Leave(session, by))
            while self._fleet.get(name).find_session(session) is not None:
                await changes.get()

    async def _settle(self, name: str, guest: Guest) -> None:
        """The peer, as it is to be: a new one, or one that works where it does now."""
        state = self._fleet.find(name)
        if state is None:
            pairs = {"runtime": guest.runtime, "dir": guest.dir, "wake": str(WakePolicy.NEVER)}
            await self._peers.add(name, pairs)
            return
        settings = state.peer.settings
        if settings.runtime != guest.runtime:
            raise RefusedError(f"'{name}' is a peer that runs {settings.runtime}; join by another name")
        own = state.peer.conversation in (None, guest.conversation)
        if own and settings.dir != guest.dir and settings.wake is WakePolicy.NEVER and not state.sessions:
            await self._fleet.tell(name, r.Configure(apply_settings(settings, [("dir", guest.dir)])))
