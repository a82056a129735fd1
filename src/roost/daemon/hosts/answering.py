"""What operators of other hosts ask of this one: done where it is granted, once, and only while it is fresh.

How old it is tells no clock of another host, but the sign of life of this one that its asker had heard last.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import OPERATOR
from roost.daemon.hosts.frames import Ask, Told, encode
from roost.daemon.hosts.members import Members
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import DeniedError, RefusedError, RoostError
from roost.host.errors import CarrierGone
from roost.host.interfaces.carrier import Carrier
from roost.host.interfaces.clock import Clock
from roost.local.grants import Grants

FRESH = 60.0
"""Seconds after which what was asked before a sign of life is refused."""
STILL = 5.0
"""Seconds between two words to an asker that waits."""

_log = logging.getLogger("roost.hosts")

Progress = Callable[[dict[str, Any]], None]


class Doing(Protocol):
    """What this host can be asked for; the methods of its socket."""

    def peers_of(self, method: str, params: Mapping[str, Any]) -> tuple[str, ...]:
        """The peers that a request is about. Raises NotFoundError, UsageError for what cannot be asked."""
        ...

    async def do(
        self,
        method: str,
        params: Mapping[str, Any],
        by: str,
        allowed: Callable[[str], bool],
        progress: Progress,
    ) -> tuple[Any, list[str]]:
        """Do it in somebody's name; the result, of peers that are allowed alone, and lines for the asker."""
        ...


class Answering:
    """Answers other hosts. `doing`: what does the work; None: nothing can be asked for yet."""

    def __init__(
        self, members: Members, carrier: Carrier, grants: Grants, fleet: Fleet, clock: Clock, tasks: Tasks
    ) -> None:
        """Do what is granted."""
        self.doing: Doing | None = None
        self._members = members
        self._carrier = carrier
        self._grants = grants
        self._fleet = fleet
        self._clock = clock
        self._tasks = tasks
        self._seen: dict[tuple[str, str], Ask] = {}

    def take(self, origin: str, ask: Ask) -> None:
        """Deal with a request; one that comes again is not."""
        # What is not fresh any more is refused, whether it came before or not.
        self._seen = {key: seen for key, seen in self._seen.items() if self._fresh(seen)}
        if (origin, ask.id) in self._seen:
            return
        self._seen[origin, ask.id] = ask
        self._tasks.start(self._answer(origin, ask), f"asked by {origin}")

    async def _answer(self, origin: str, ask: Ask) -> None:
        try:
            told = await self._done(origin, ask)
        except RoostError as error:
            facts = {"code": error.code, "message": error.message, "exit_code": error.exit_code}
            told = Told(ask.id, over=True, error={**facts, "facts": error.facts})
        await self._tell(origin, told)

    async def _done(self, origin: str, ask: Ask) -> Told:
        """Do it, and say meanwhile that it goes on. Raises RoostError."""
        by = f"{OPERATOR}@{origin}"
        try:
            doing = self._check(origin, ask)
        except RoostError as error:
            await self._record("asked-refused", origin, ask, why=error.message)
            raise
        await self._record("asked", origin, ask)
        events: list[dict[str, Any]] = []
        still = self._tasks.start(self._keep_telling(origin, ask.id, events), f"{ask.method} for {origin}")
        try:
            result, notes = await doing.do(
                ask.method, ask.params, by, lambda peer: self._grants.operates(origin, peer), events.append
            )
        finally:
            still.cancel()
        return Told(ask.id, over=True, result=result, notes=notes)

    async def _keep_telling(self, origin: str, ask_id: str, events: Sequence[dict[str, Any]]) -> None:
        """Tell that it goes on, and what of it was told last."""
        while True:
            await self._clock.sleep(STILL)
            await self._tell(origin, Told(ask_id, event=events[-1] if events else None))

    def _check(self, origin: str, ask: Ask) -> Doing:
        members, doing = self._members, self.doing
        if doing is None or not self._fresh(ask):
            raise RefusedError("it was asked too long ago, and is not done; ask again")
        for peer in doing.peers_of(ask.method, ask.params):
            if not self._grants.operates(origin, peer):
                raise DeniedError(
                    f"nobody of '{origin}' may do that to '{peer}': [fleet.grants.{origin}] in"
                    f" config.toml of '{members.name}' does not name it in `operate`"
                )
        return doing

    def _fresh(self, ask: Ask) -> bool:
        past = self._members.past(ask.run, ask.number)
        return past is not None and past <= FRESH

    async def _record(self, kind: str, origin: str, ask: Ask, **more: object) -> None:
        name = ask.params.get("name")
        data = {"host": origin, "method": ask.method, "id": ask.params.get("id"), **more}
        await self._fleet.record(c.Journal(kind, name if isinstance(name, str) else "", data=data))

    async def _tell(self, origin: str, told: Told) -> None:
        try:
            await self._carrier.send(origin, encode(told))
        except CarrierGone as gone:
            _log.warning("'%s' is not told what became of what it asked for: %s", origin, gone.message)
