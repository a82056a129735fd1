"""What is asked by a person who runs a peer's program in a terminal of their own."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import PeerState, WakePolicy
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.settings import apply_settings
from roost.daemon.serve.api.peers import Peers
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.runs import Run
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race
from roost.daemon.state.waits import Waits
from roost.errors import RefusedError, RoostError
from roost.host.errors import SensorError
from roost.host.process_table import HOME_VARIABLE, NONCE_VARIABLE, SESSION_VARIABLE
from roost.host.shim_spec import shim_argv


class Wanted(Struct, frozen=True):
    """What a person typed, and where. `runtime`: by the program's name, or empty for the peer's own."""

    runtime: str
    dir: str
    args: Sequence[str]
    environ: Mapping[str, str]
    resume: bool


class PersonalRuns:
    """Prepares sessions that a person's own process becomes."""

    def __init__(
        self, machine: Machine, fleet: Fleet, waits: Waits, peers: Peers, contexts: Contexts
    ) -> None:
        """Run peers of this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._waits = waits
        self._peers = peers
        self._contexts = contexts

    async def run(self, name: str, wanted: Wanted, by: str, pid: int | None) -> dict[str, Any]:
        """Make the peer if there is none, and all that its next session needs; what to execute.

        `pid`: the process that is to execute it; once that has ended the session is not waited for.
        Raises RoostError with the reason where it cannot be run.
        """
        process = await self._process(pid)
        await self._settle(name, wanted)
        state = self._fleet.get(name)
        environ = self._contexts.passed(state.peer.settings, wanted.environ)
        order = self._contexts.runs.ask(name, Run("", wanted.dir, tuple(wanted.args), environ), process)
        try:
            with self._waits.peer(name) as changes:
                outcome = await self._fleet.tell(name, r.Run(by, wanted.resume))
                session = outcome.state.session if outcome.state is not None else None
                assert session is not None  # noqa: S101 -- what begins none is refused
                while not order.ready.done() and self._lives(session):
                    await race(asyncio.wait({order.ready}), changes.get())
        finally:
            self._contexts.runs.drop(name)
        if not order.ready.done() or order.ready.cancelled():
            raise RoostError(f"the session of '{name}' ended before it began; see `roost deaths {name}`")
        return {
            "session": session.id,
            "argv": shim_argv(order.ready.result()),
            "environ": {
                SESSION_VARIABLE: session.id,
                NONCE_VARIABLE: session.nonce,
                HOME_VARIABLE: str(self._machine.places.home),
            },
        }

    async def _process(self, pid: int | None) -> ProcessId | None:
        """Who asks, where that can be told. Raises RoostError where it has ended."""
        if pid is None:
            return None
        try:
            found = await self._machine.work.processes.run(self._machine.processes.identify, pid)
        except SensorError:
            return None
        if found is None:
            raise RoostError(f"process {pid}, which was to run it, has ended")
        return found

    async def _settle(self, name: str, wanted: Wanted) -> None:
        """The peer, as it is to be run. Raises RefusedError where it is another one."""
        state = self._fleet.find(name)
        if state is None:
            if not wanted.runtime:
                raise RefusedError(
                    f"there is no '{name}' yet; say what it runs: `roost run {name} -- claude`"
                )
            pairs = {"runtime": wanted.runtime, "dir": wanted.dir, "wake": str(WakePolicy.NEVER)}
            await self._peers.add(name, pairs)
            return
        settings = state.peer.settings
        if wanted.runtime not in ("", settings.runtime):
            raise RefusedError(f"'{name}' is a peer that runs {settings.runtime}; give this one another name")
        if wanted.dir != settings.dir and not state.sessions:
            await self._follow(state, wanted.dir)

    async def _follow(self, state: PeerState, folder: str) -> None:
        """One that only a person runs works where they run it; another has its folder."""
        settings, name = state.peer.settings, state.peer.name
        if settings.wake is not WakePolicy.NEVER:
            raise RefusedError(
                f"'{name}' works in {settings.dir}; run it there, or give this one another name"
            )
        await self._fleet.tell(name, r.Configure(apply_settings(settings, [("dir", folder)])))

    def _lives(self, session: Session) -> bool:
        state = self._fleet.find(session.peer)
        return state is not None and state.find_session(session.id) is not None
