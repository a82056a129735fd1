"""What a call channel needs of a program that has an API of its own, for one live session.

The evidence stays the record's: `submit` returns once the program has the prompt, and what `heard` is given,
or what stands in the record, tells of it, of the end of its turn and of a permission that is asked for.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from roost.errors import RoostError

Heard = Callable[[Sequence[bytes]], None]
"""Takes lines for the sensor's `on_lines`; none mean that its record has changed."""


class CallRefusedError(RoostError):
    """Its program did not take the message."""

    code = "call-refused"


class CallLostError(RoostError):
    """Whether its program took what it was asked is not known."""

    code = "call-lost"


class Call(Protocol):
    """The API of one live session's program. Each method is bounded; each may raise one of the two errors.

    CallRefusedError: for certain nothing was done. CallLostError: it may have been.
    """

    async def submit(self, key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        """Give it a prompt, once for each key however often it is asked. `joins`: into the running turn.

        `traceparent`: the span that its turn is, for a program that goes on with traces.
        """
        ...

    async def has(self, key: str) -> bool:
        """Whether it was given the prompt of that key."""
        ...

    async def interrupt(self) -> None:
        """End the running turn; at rest it does nothing."""
        ...

    async def compact(self) -> None:
        """Compact the conversation. Refused where the program cannot."""
        ...

    async def answer(self, request: str, option: str, text: str = "") -> None:
        """Answer one request of its program, by the name that its asking has; `text`: words along with it.

        Refused where that request does not stand.
        """
        ...

    async def follow(self, heard: Heard) -> None:
        """Pass on what the program tells, for ever; a connection that breaks is made again."""
        ...

    async def close(self) -> None:
        """Let go of the connection; the program goes on."""
        ...
