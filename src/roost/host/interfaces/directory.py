"""What all hosts of a fleet see alike, as the layers above may ask for it: small values by their keys.

It is a view, never the ledger: it may be old, and all of it may be lost and written anew by its hosts.
"""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol


class Directory(Protocol):
    """Values of all hosts. A key is of the form `kind.host`; a value is up to 512 KiB."""

    async def put(self, key: str, value: bytes) -> None:
        """Write a value over the one before. Raises CarrierGone."""
        ...

    def follow(self) -> AsyncGenerator[Mapping[str, bytes], None]:
        """All values, then those that change, for ever. Raises CarrierGone: follow it again then."""
        ...
