"""Who asks the daemon, and how they are kept informed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Progress = Callable[[dict[str, Any]], None]
"""Takes `{"state", "why"}` while a caller waits."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the operator (through the socket, without a token), or an agent, proven by its token."""

    peer: str | None = None
    session: str | None = None

    @property
    def is_agent(self) -> bool:
        """An agent may only use the agent's tools."""
        return self.peer is not None
