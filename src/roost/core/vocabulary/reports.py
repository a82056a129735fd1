"""What another host reports of the messages between it and this one."""

from dataclasses import dataclass

from roost.core.vocabulary.message import MessageState


@dataclass(frozen=True, slots=True)
class Arrived:
    """The recipient's host has stored the message."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Progressed:
    """The recipient's host says how far the message has come there, and why.

    `accepted_at`: when it was taken there (Unix seconds by that host's clock; None: not yet).
    """

    message_id: str
    state: MessageState
    why: str
    accepted_at: float | None = None


@dataclass(frozen=True, slots=True)
class TurnedAway:
    """A message of this peer, which lives on another host, was not taken here."""

    message_id: str
    state: MessageState
    why: str
