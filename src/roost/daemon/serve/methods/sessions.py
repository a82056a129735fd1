"""The methods about sessions: begun, parked, ended, and what is asked of a running one."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import WakeMode
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.api.runs import Wanted
from roost.daemon.serve.methods.method import Answer, Away, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import NAME, Named
from roost.errors import UsageError


class Wake(Params):
    """A peer, and how it is woken."""

    name: str
    mode: WakeMode = WakeMode.NATURAL


class Run(Params):
    """A peer, and what a person runs it with in their terminal; see `Wanted`."""

    name: str
    dir: str
    environ: dict[str, str]
    runtime: str = ""
    args: list[str] = msgspec.field(default_factory=list[str])
    resume: bool = False


class Restart(Params):
    """A peer; `resume`: its next session goes on in its conversation."""

    name: str
    resume: bool = False


class Some(Params):
    """One peer, or all."""

    name: str | None = None
    all: bool = False


class SessionMethods:
    """Answers what is asked about sessions."""

    def __init__(self, api: Api) -> None:
        """Ask these operations."""
        self._api = api

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "wake": Method(Wake, self._wake, waits=True, names=NAME, away=Away.ASKED),
            "run": Method(Run, self._run, waits=True, names=NAME, away=Away.REFUSED),
            "restart": Method(Restart, self._restart, waits=True, names=NAME, away=Away.ASKED),
            "sleep": Method(Named, self._sleep, waits=True, names=NAME, away=Away.ASKED),
            "stop": Method(Some, self._stop, waits=True, names=NAME, away=Away.ASKED),
            "start": Method(Some, self._start, names=NAME, away=Away.ASKED),
            "refresh": Method(Some, self._refresh, names=NAME, away=Away.ASKED),
            "interrupt": Method(Named, self._interrupt, waits=True, names=NAME, away=Away.ASKED),
            "compact": Method(Named, self._compact, waits=True, names=NAME, away=Away.ASKED),
        }

    async def _wake(self, call: Call[Wake]) -> Answer:
        return Answer(*await self._api.wakes.wake(call.params.name, call.params.mode, call.by, call.progress))

    async def _run(self, call: Call[Run]) -> Answer:
        asked = call.params
        wanted = Wanted(asked.runtime, asked.dir, asked.args, asked.environ, asked.resume)
        return Answer(await self._api.runs.run(asked.name, wanted, call.by, call.caller.pid))

    async def _restart(self, call: Call[Restart]) -> Answer:
        asked = call.params
        row = await self._api.wakes.restart(asked.name, call.by, call.progress, resume=asked.resume)
        return Answer(row, self._api.peers.let_go_of([asked.name]))

    async def _sleep(self, call: Call[Named]) -> Answer:
        row, notes = await self._api.sessions.put_to_sleep(call.params.name)
        return Answer(row, [*notes, *self._api.peers.let_go_of([call.params.name])])

    async def _stop(self, call: Call[Some]) -> Answer:
        names = self._names(call.params)
        theirs = [name for name in names if call.params.all and self._api.peers.in_own_terminal(name)]
        others = [name for name in names if name not in theirs]
        rows = await self._each(call, others, self._api.sessions.stop)
        stopped = [row["name"] for row in rows if "error" not in row]
        notes = [f"'{name}' runs in a person's own terminal; `roost stop {name}` ends it" for name in theirs]
        return Answer(rows, [*self._api.peers.let_go_of(stopped), *notes])

    async def _start(self, call: Call[Some]) -> Answer:
        return Answer(await self._each(call, self._names(call.params), self._api.sessions.start))

    async def _refresh(self, call: Call[Some]) -> Answer:
        return Answer(await self._each(call, self._names(call.params), self._api.sessions.refresh))

    async def _each(
        self, call: Call[Some], names: list[str], do: Callable[[str, str], Awaitable[dict[str, Any]]]
    ) -> list[dict[str, Any]]:
        """Do it for the one peer that is named, or for all as `for_each` does; their rows."""
        if call.params.all:
            return await self._api.sessions.for_each(names, lambda name: do(name, call.by))
        return [await do(name, call.by) for name in names]

    def _names(self, asked: Some) -> list[str]:
        if asked.name is not None and not asked.all:
            return [asked.name]
        if asked.all and asked.name is None:
            return self._api.peers.agents()
        raise UsageError("name one peer, or say --all")

    async def _interrupt(self, call: Call[Named]) -> Answer:
        return Answer(await self._api.sessions.control(call.params.name, r.Interrupt(call.by), call.progress))

    async def _compact(self, call: Call[Named]) -> Answer:
        return Answer(await self._api.sessions.control(call.params.name, r.Compact(call.by), call.progress))
