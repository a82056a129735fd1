"""Whom an address means: a peer of this host, or `peer@host`; a bare name is looked for here first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roost.core.vocabulary.identity import NAME, host_of
from roost.errors import NotFoundError, RefusedError, UsageError

if TYPE_CHECKING:  # it loads what only members of a fleet need
    from roost.daemon.hosts.hosts import Hosts
    from roost.daemon.state.fleet import Fleet


class Addresses:
    """Finds peers. `hosts`: None where this host is in no fleet."""

    def __init__(self, fleet: Fleet, hosts: Hosts | None) -> None:
        """Look among this host's peers, and those that other members tell of."""
        self._fleet = fleet
        self._hosts = hosts

    def named(self, address: str) -> str:
        """The peer that an address means: by its name where it is of this host, else as `peer@host`.

        A bare name that nobody has is returned as it is. Raises NotFoundError, RefusedError, UsageError.
        """
        host = host_of(address)
        if host is not None or "@" in address:
            return self._elsewhere(address, host or "")
        known = self._fleet.called(address)
        if self._hosts is None or known is not None:
            return known if known is not None and host_of(known) is not None else address
        found = self._hosts.members.with_peer(address)
        if len(found) > 1:
            candidates = ", ".join(f"{address}@{each}" for each in found)
            raise RefusedError(f"several hosts have a peer '{address}': name one of {candidates}")
        return f"{address}@{found[0]}" if found else address

    async def recipient(self, address: str) -> str:
        """As `named`, of a peer that messages can be kept for. Raises StoreError, too."""
        name = self.named(address)
        host = host_of(name)
        if host is not None and self._hosts is not None:
            if host not in self._hosts.members.hosts():
                raise self._hosts.members.missing(host)
            await self._hosts.intake.know(name)
        return name

    def _elsewhere(self, address: str, host: str) -> str:
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
        if host not in members.hosts() and self._fleet.find(address) is None:  # nor was, as far as is known
            raise members.missing(host)
        return address
