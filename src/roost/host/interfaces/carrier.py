"""What carries frames between hosts, as the layers above may ask for it."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, Protocol


class Carried(NamedTuple):
    """A frame that came: the host that it says it is from, and `done`, to be called once it was dealt with.

    What was not done with comes again.
    """

    origin: str
    frame: bytes
    done: Callable[[], Awaitable[None]]


class Carrier(Protocol):
    """Brings frames to other hosts: at least once, those to one host in the order in which they were sent.

    A host that is away gets them when it is back, as far as the carrier keeps them: the sender keeps what it
    has no receipt for. Frames are up to 2 MiB.
    """

    async def open(self) -> None:
        """Make this host known to the others, so that what they send is kept for it. Raises CarrierGone."""
        ...

    async def send(self, host: str, frame: bytes) -> None:
        """Hand a frame over.

        Raises CarrierGone: it may have been carried all the same; CarrierRefused: nothing is kept for that
        host now.
        """
        ...

    async def receive(self) -> Carried:
        """The next frame for this host; waits for one. Raises CarrierGone."""
        ...

    async def close(self) -> None:
        """Let go of the carrier."""
        ...
