"""A carrier that reads nothing: frames are sealed by the host that sends them for the one that gets them."""

from collections.abc import Callable

from roost.daemon.hosts.keyring import Keyring
from roost.host.errors import CarrierGone, ForgedError
from roost.host.interfaces.carrier import Carried, Carrier
from roost.host.seal import seal, unseal


class SealedCarrier:
    """Seals what is sent, and passes on what was sealed by the host that it says it is from.

    `refused` is called with that host's name, and why what came in its name was not taken.
    """

    def __init__(
        self, carrier: Carrier, private: bytes, ring: Keyring, refused: Callable[[str, str], None]
    ) -> None:
        """Seal with this private key."""
        self._carrier = carrier
        self._private = private
        self._ring = ring
        self._refused = refused

    async def open(self) -> None:
        """See Carrier."""
        await self._carrier.open()

    async def send(self, host: str, frame: bytes) -> None:
        """See Carrier."""
        key = self._ring.key(host)
        if key is None:
            raise CarrierGone(f"no host '{host}' is a member of this fleet")
        await self._carrier.send(host, seal(frame, self._private, key))

    async def receive(self) -> Carried:
        """See Carrier."""
        while True:
            carried = await self._carrier.receive()
            key = self._ring.key(carried.origin)
            if key is None:
                self._refused(carried.origin, "it is no member of this fleet")
            else:
                try:
                    return carried._replace(frame=unseal(carried.frame, self._private, key))
                except ForgedError as error:
                    self._refused(carried.origin, error.message)
            await carried.done()  # sent again by its host, where that is one of ours

    async def close(self) -> None:
        """See Carrier."""
        await self._carrier.close()
