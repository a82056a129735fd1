"""What operators of this host ask of another, and its answer: asked once, and never sent again.

Whether it was done is known by that host's answer alone. One that does not come leaves it open.
"""

import asyncio
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Any

from roost.client.connection import RemoteError
from roost.client.refusal import refusal
from roost.core.vocabulary import commands as c
from roost.daemon.hosts.commands import as_here, of_host
from roost.daemon.hosts.frames import Ask, Told, encode
from roost.daemon.hosts.members import Members
from roost.daemon.hosts.views import Views
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race, won
from roost.errors import RefusedError, WaitTimeoutError
from roost.host.errors import CarrierGone
from roost.host.interfaces.carrier import Carrier
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.ids import Ids

QUIET = 20.0
"""Seconds without a word of the other host after which its answer is not waited for any more."""


class UnansweredError(WaitTimeoutError):
    """Another host has not answered: whether it did what it was asked for is not known."""

    code = "unanswered"


class Asking:
    """Asks other hosts. `heard` is to be called with what they tell."""

    def __init__(self, members: Members, carrier: Carrier, fleet: Fleet, clock: Clock, ids: Ids) -> None:
        """Ask these members."""
        self._members = members
        self._views = Views(members)
        self._carrier = carrier
        self._fleet = fleet
        self._clock = clock
        self._ids = ids
        self._open: dict[tuple[str, str], asyncio.Queue[Told]] = {}

    async def ask(
        self,
        host: str,
        method: str,
        params: dict[str, Any],
        progress: Callable[[dict[str, Any]], None],
        quiet: float = QUIET,
    ) -> tuple[Any, list[str]]:
        """The result of a method of the socket there, and lines for the asker.

        Raises RefusedError where that host is not reached (nothing was asked of it), the error with which it
        refuses, UnansweredError where nothing is heard of it for `quiet` seconds.
        """
        silent = self._views.silent(host)
        sign = self._members.sign(host)
        if silent is not None or sign is None:
            raise RefusedError(f"{silent}; nothing was asked of it")
        number = self._ids.new()
        name = f"{params['name']}@{host}" if params.get("name") else ""
        line = c.Journal("asking", name, data={"host": host, "method": method, "id": params.get("id")})
        await self._fleet.record(line)
        told: asyncio.Queue[Told] = asyncio.Queue()
        self._open[host, number] = told
        try:
            await self._carrier.send(host, encode(Ask(number, sign.run, sign.number, method, params)))
            names = {str(params.get("name")), *(row.name for row in self._members.peers(host))}
            return await self._answer(host, method, names, told, progress, quiet)
        except CarrierGone as gone:
            raise _unanswered(host, method, gone.message) from gone
        finally:
            del self._open[host, number]

    def heard(self, origin: str, told: Told) -> None:
        """A host tells of something that it was asked for."""
        queue = self._open.get((origin, told.id))
        if queue is not None:
            queue.put_nowait(told)

    async def _answer(
        self,
        host: str,
        method: str,
        names: AbstractSet[str],
        told: "asyncio.Queue[Told]",
        progress: Callable[[dict[str, Any]], None],
        quiet: float,
    ) -> tuple[Any, list[str]]:
        while True:
            word = await self._next(told, quiet)
            if word is None:
                raise _unanswered(host, method, f"nothing was heard of it for {quiet:g} s")
            if word.error is not None:
                said = f"{host}: {as_here(word.error['message'], host, names)}"
                raise refusal(RemoteError({**word.error, "message": said}))
            if word.over:
                notes = [f"{host}: {as_here(note, host, names)}" for note in word.notes]
                return of_host(host, word.result, names), notes
            if word.event is not None:
                progress(of_host(host, word.event, names))

    async def _next(self, told: "asyncio.Queue[Told]", quiet: float) -> Told | None:
        outcome, *_ = await race(told.get(), self._clock.sleep(quiet))
        return outcome.result() if won(outcome) else None


def _unanswered(host: str, method: str, why: str) -> UnansweredError:
    return UnansweredError(
        f"'{host}' has not answered ({why}): whether it did what it was asked for (`{method}`) is not known;"
        " `roost list --all` shows its peers"
    )
