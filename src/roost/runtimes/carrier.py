"""A carrier: how the hooks of a program take mail into the conversation that they belong to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct


class Moment(Struct, frozen=True):
    """When a hook of the main agent asks; `ends`: at the end of a turn, which what it is given prolongs."""

    ends: bool


class Carrier(Protocol):
    """The hooks of one program."""

    @property
    def longest(self) -> int:
        """Bytes of a body above which it is given a file: its model is told the beginning alone otherwise."""
        ...

    def moment(self, name: str, payload: Mapping[str, Any]) -> Moment | None:
        """When this hook asks; None: it carries nothing, as one of a sub-agent."""
        ...

    def pipe(self, home: Path) -> Path | None:
        """The named pipe, in the session's folder, on which its program waits for a prompt at rest."""
        ...

    def framed(self, text: str, claim: str) -> str:
        """What is written to that pipe to have its program begin a turn with the text.

        Who reads it tells its program only once it has renamed the file `PIPE.CLAIM` to `PIPE.CLAIM.taken`.
        """
        ...

    def answer(self, name: str, text: str) -> Mapping[str, Any]:
        """What the hook answers to give its program the text."""
        ...
