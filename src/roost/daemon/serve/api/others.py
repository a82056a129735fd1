"""What is asked of other hosts of the fleet."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from roost.errors import RefusedError, RoostError

if TYPE_CHECKING:
    from roost.daemon.hosts.hosts import Hosts
    from roost.daemon.serve.progress import Progress

LOOK = 5.0
"""Seconds for all of them to say what they have, where all are asked."""


class Others:
    """Asks them. `hosts`: None where this host is in no fleet."""

    def __init__(self, hosts: Hosts | None) -> None:
        """Ask these."""
        self._hosts = hosts

    async def ask(
        self, host: str, method: str, params: dict[str, Any], progress: Progress
    ) -> tuple[Any, list[str]]:
        """The result of a method there, and lines for the asker; see `Asking.ask`."""
        if self._hosts is None:
            raise RefusedError(f"this host is in no fleet, so it cannot ask '{host}'")
        return await self._hosts.asking.ask(host, method, params, progress)

    async def questions(self) -> tuple[list[dict[str, Any]], list[str]]:
        """What agents of other hosts ask a person, where that is granted; and why it is not known of some."""
        if self._hosts is None:
            return [], []
        asking, hosts = self._hosts.asking, self._hosts.members.hosts()

        async def of(host: str) -> list[dict[str, Any]] | str:
            try:
                return (await asking.ask(host, "questions", {}, lambda _: None, LOOK))[0]
            except RoostError as error:
                return error.message

        found = await asyncio.gather(*map(of, hosts))
        questions = [each for some in found if not isinstance(some, str) for each in some]
        return questions, [why for why in found if isinstance(why, str)]
