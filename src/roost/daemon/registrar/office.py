"""The registrar as the rest of the daemon may ask for it: one host alone loads no more of it."""

from typing import NamedTuple, Protocol


class Made(NamedTuple):
    """A token as it is handed on, its id, and when it is over (Unix seconds)."""

    text: str
    id: str
    expires_at: float


class Open(NamedTuple):
    """A token that lets somebody in yet: its id, until when (Unix seconds), how many hosts."""

    id: str
    expires_at: float
    left: int


class Office(Protocol):
    """Lets hosts into the fleet and out of it. `trouble`: why the hub is not as it should be, or ""."""

    trouble: str

    async def run(self) -> None:
        """Do so for ever."""
        ...

    async def close(self) -> None:
        """Let go of the hub."""
        ...

    async def token(self, ttl: float, uses: int) -> Made:
        """A new token, for so many seconds and so many hosts. Raises RoostError."""
        ...

    async def revoke(self, host: str) -> str:
        """Let a host in no more, and cut it off; why that cannot be done yet, "" where it is done.

        Raises RoostError: nothing has changed.
        """
        ...

    def tokens(self) -> list[Open]:
        """Tokens that let somebody in yet."""
        ...
