"""Whom an address means where this host is in no fleet: a peer of its own."""

from roost.core.vocabulary.identity import NAME
from roost.errors import NotFoundError, UsageError


class OwnAddresses:
    """Finds recipients."""

    async def recipient(self, address: str) -> str:
        """The name by which messages for it are kept. Raises NotFoundError, RefusedError, UsageError."""
        if "@" not in address:
            return address
        _, host = parts(address)
        raise NotFoundError(f"this host is in no fleet, so it knows no '{host}'; see `roost fleet --help`")


def parts(address: str) -> tuple[str, str]:
    """The peer and the host of `peer@host`. Raises UsageError."""
    peer, _, host = address.partition("@")
    if not NAME.fullmatch(peer) or not NAME.fullmatch(host):
        raise UsageError(f"'{address}' is no address: it is NAME, or NAME@HOST")
    return peer, host
