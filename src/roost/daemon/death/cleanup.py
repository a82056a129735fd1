"""Ends what outlived closed sessions, before the peer's next session starts (N7).

A session's row closes at the proof of its end, in milliseconds. Its children may live on for a moment: the
intent to end them was committed with the death, and the next launch waits for it.
"""

import asyncio
import logging

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.commands import Clear
from roost.daemon.death.authority import Authority
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock

LEAVE = 0.05
"""Seconds that shim and tmux server get to leave by themselves: the shim ends the agent's children first."""
AGAIN = 5.0
"""Seconds until processes that could not be ended are tried again."""

_log = logging.getLogger("roost.cleanup")


class Cleanup:
    """Clears trees, and holds up launches meanwhile."""

    def __init__(self, fleet: Fleet, authority: Authority, clock: Clock) -> None:
        """End through this authority."""
        self._fleet = fleet
        self._authority = authority
        self._clock = clock
        self._closed: dict[str, tuple[str, asyncio.Event]] = {}

    def announce(self, command: Clear) -> None:
        """From now on launches of this peer wait."""
        self._closed.setdefault(command.key, (command.peer, asyncio.Event()))

    async def clear(self, command: Clear) -> None:
        """Clear one tree, for as long as it takes.

        What does not go within the authority's bound, as a process that hangs in the kernel, is told once and
        holds up the peer no longer: the agent itself is dead, and a killed process runs none of its own code.
        """
        self.announce(command)
        await self._clock.sleep(LEAVE)
        told = False
        while not (swept := await self._authority.clear(command)).empty:
            if not told:
                told = True
                why = f"processes of its ended session cannot be ended: {swept}"
                _log.warning("session %s of %s: %s", command.session, command.peer, why)
                await self._fleet.report(command.peer, f.Remained(command.session, why))
                self._open(command)
            await self._clock.sleep(AGAIN)
        self._open(command)
        await self._fleet.settle(command.key)

    async def give_up(self, command: Clear, why: str) -> None:
        """Clear it no more until the next start: that meets a defect. Its peer's launches go on."""
        why = f"whether processes of its ended session are left is not known: {why}"
        await self._fleet.report(command.peer, f.Remained(command.session, why))
        self._open(command)

    def _open(self, command: Clear) -> None:
        _, gate = self._closed.pop(command.key, (command.peer, None))
        if gate is not None:
            gate.set()

    async def over(self, peer: str | None = None) -> None:
        """Return when nothing of the peer's (None: of any peer's) closed sessions is being cleared."""
        for owner, gate in list(self._closed.values()):
            if peer in (None, owner):
                await gate.wait()
