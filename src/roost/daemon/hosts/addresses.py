"""Whom an address means: a peer of this host, or `peer@host`; a bare name is looked for here first."""

import difflib

from roost.daemon.hosts.intake import Intake
from roost.daemon.hosts.members import Members
from roost.daemon.state.addresses import OwnAddresses, parts
from roost.daemon.state.fleet import Fleet
from roost.errors import NotFoundError, RefusedError


class Addresses(OwnAddresses):
    """Finds recipients in a fleet."""

    def __init__(self, fleet: Fleet, members: Members, intake: Intake) -> None:
        """Look among this host's peers, and those that other members tell of."""
        self._fleet = fleet
        self._members = members
        self._intake = intake

    async def recipient(self, address: str) -> str:
        """See OwnAddresses."""
        if "@" in address:
            return await self._elsewhere(address)
        if self._fleet.called(address) is not None:
            return address
        found = self._members.with_peer(address)
        if len(found) > 1:
            candidates = ", ".join(f"{address}@{each}" for each in found)
            raise RefusedError(f"several hosts have a peer '{address}': write to one of {candidates}")
        return await self._elsewhere(f"{address}@{found[0]}") if found else address

    async def _elsewhere(self, address: str) -> str:
        peer, host = parts(address)
        if host == self._members.name:
            return peer
        if not self._members.has(host):
            close = difflib.get_close_matches(host, self._members.hosts(), n=1)
            hint = f"did you mean '{close[0]}'?" if close else "see `roost fleet status`"
            raise NotFoundError(f"there is no host '{host}' in this fleet; {hint}")
        await self._intake.know(address)
        return address
