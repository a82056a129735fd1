"""What is asked, seen and done as a peer moves to another host."""

from dataclasses import dataclass
from typing import Literal

ID = r"[0-9a-f]{32}"
"""What the id of a move looks like."""
Decision = Literal["go", "cancel"]
"""What the host that the peer leaves tells the other one: it lives there now; nothing comes of it."""


@dataclass(frozen=True, slots=True)
class Move:
    """A move that has begun. `host`: the one at the other end; `dir`: the folder that it gets there.

    `arriving`: it comes here, and lives at the other end until that says otherwise. Else it leaves: `handed`
    once its things are on their way, `ready` once the other host has them all and keeps the name free.
    """

    id: str
    host: str
    dir: str
    by: str
    arriving: bool = False
    handed: bool = False
    ready: bool = False


@dataclass(frozen=True, slots=True)
class Depart:
    """An operator has the peer move; a live one only with `force`."""

    move: Move
    force: bool


@dataclass(frozen=True, slots=True)
class Stay:
    """An operator calls a move off."""

    by: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The other host can take the peer, or says why not."""

    id: str
    ready: bool
    why: str


@dataclass(frozen=True, slots=True)
class Owned:
    """The fleet has it on record whose the peer is: of the host that it moves to, or of another."""

    id: str
    host: str


@dataclass(frozen=True, slots=True)
class Decided:
    """The host that the peer leaves has decided."""

    id: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Disowned:
    """The fleet has it on record that the peer belongs to another host: this one runs from an older copy."""

    host: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """Bring all that belongs to the peer to the other host."""

    peer: str
    move: Move

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"hand-over:{self.move.id}"


@dataclass(frozen=True, slots=True)
class Own:
    """Have it on record in the fleet that the peer belongs to the other host."""

    peer: str
    move: Move

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"own:{self.move.id}"


@dataclass(frozen=True, slots=True)
class Decide:
    """Tell the other host what was decided. `peer`: the name by which the rows of the peer are kept here."""

    peer: str
    host: str
    id: str
    decision: Decision

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"decide:{self.id}"
