"""Whom an address means: a peer of this host, or `peer@host`; a bare name is looked for here first."""

import difflib

from roost.core.vocabulary.identity import NAME, host_of
from roost.daemon.hosts.hosts import Hosts
from roost.daemon.state.fleet import Fleet
from roost.errors import NotFoundError, RefusedError, UsageError


class Addresses:
    """Finds recipients. `hosts`: None where this host is in no fleet."""

    def __init__(self, fleet: Fleet, hosts: Hosts | None) -> None:
        """Look among this host's peers, and those that other members tell of."""
        self._fleet = fleet
        self._hosts = hosts

    async def recipient(self, address: str) -> str:
        """The name by which messages for it are kept. Raises NotFoundError, RefusedError, UsageError."""
        host = host_of(address)
        if host is not None or "@" in address:
            return await self._elsewhere(address, host or "")
        if self._hosts is None or self._fleet.called(address) is not None:
            return address
        found = self._hosts.members.with_peer(address)
        if len(found) > 1:
            candidates = ", ".join(f"{address}@{each}" for each in found)
            raise RefusedError(f"several hosts have a peer '{address}': write to one of {candidates}")
        return await self._elsewhere(f"{address}@{found[0]}", found[0]) if found else address

    async def _elsewhere(self, address: str, host: str) -> str:
        peer = address.partition("@")[0]
        if not NAME.fullmatch(peer) or not NAME.fullmatch(host):
            raise UsageError(f"'{address}' is no address: it is NAME, or NAME@HOST")
        if self._hosts is None:
            raise NotFoundError(
                f"this host is in no fleet, so it knows no '{host}'; see `roost fleet --help`"
            )
        members = self._hosts.members
        if host == members.name:
            return peer
        if host not in members.hosts():
            close = difflib.get_close_matches(host, members.hosts(), n=1)
            hint = f"did you mean '{close[0]}'?" if close else "see `roost fleet status`"
            raise NotFoundError(f"there is no host '{host}' in this fleet; {hint}")
        await self._hosts.intake.know(address)
        return address
