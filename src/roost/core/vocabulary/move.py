"""What is asked, seen and done as a peer moves to another host."""

from typing import Literal

from msgspec import Struct

from roost.core.vocabulary.facts import ClockMoved
from roost.core.vocabulary.message import Message

ID = r"[0-9a-f]{32}"
"""What the id of a move looks like."""
Decision = Literal["go", "cancel"]
"""What the host that the peer leaves tells the other one: it lives there now; nothing comes of it."""


class Move(Struct, frozen=True):
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


class Depart(Struct, frozen=True):
    """An operator has the peer move; a live one only with `force`."""

    move: Move
    force: bool


class Stay(Struct, frozen=True):
    """An operator calls a move off."""

    by: str


class Answered(Struct, frozen=True):
    """The other host can take the peer, or says why not."""

    id: str
    ready: bool
    why: str


class Owned(Struct, frozen=True):
    """The fleet has it on record whose the peer is: of the host that it moves to, or of another.

    `kept`: messages that wait under the name that it gets as it leaves, whose times go by the clock before it
    `moved`; `former`: earlier names of that one.
    """

    id: str
    host: str
    kept: tuple[Message, ...] = ()
    moved: ClockMoved | None = None
    former: tuple[str, ...] = ()


class Decided(Struct, frozen=True):
    """The host that the peer leaves has decided."""

    id: str
    decision: Decision


class Disowned(Struct, frozen=True):
    """The fleet has it on record that the peer belongs to another host: this one runs from an older copy."""

    host: str


class HandOver(Struct, frozen=True):
    """Bring all that belongs to the peer to the other host."""

    peer: str
    move: Move

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"hand-over:{self.move.id}"


class Own(Struct, frozen=True):
    """Have it on record in the fleet that the peer belongs to the other host."""

    peer: str
    move: Move

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"own:{self.move.id}"


class Decide(Struct, frozen=True):
    """Tell the other host what was decided. `peer`: the name by which the rows of the peer are kept here."""

    peer: str
    host: str
    id: str
    decision: Decision

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"decide:{self.id}"
