"""What another host reports of the messages between it and this one."""

from msgspec import Struct

from roost.core.vocabulary.message import MessageState


class Arrived(Struct, frozen=True):
    """The recipient's host has stored the message."""

    message_id: str


class Progressed(Struct, frozen=True):
    """The recipient's host says how far the message has come there, and why.

    `accepted_at`: when it was taken there (Unix seconds by that host's clock; None: not yet).
    """

    message_id: str
    state: MessageState
    why: str
    accepted_at: float | None = None


class TurnedAway(Struct, frozen=True):
    """A message of this peer, which lives on another host, was not taken here."""

    message_id: str
    state: MessageState
    why: str
