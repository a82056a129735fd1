"""What two hosts tell each other: messages, how far they have come, and how much of that was taken.

Clocks of hosts may be hours apart, so no time of day is told, only how long ago something was (seconds), and
what is left of a time to live. The host that hears it reckons by its own clock.
"""

from typing import Any, Literal

import msgspec

from roost.core.vocabulary.message import Chain, Message, MessageState, Notice, Origin, Timing
from roost.errors import RoostError

_ID = 32
"""Characters of a message's id."""


class Letter(msgspec.Struct, frozen=True, tag="letter"):
    """A message. `sender` and `to` are names of their own hosts."""

    id: str
    sender: str
    to: str
    age: float
    body: bytes
    digest: str
    topic: str | None = None
    reply_to: str | None = None
    ttl: float | None = None
    timing: Timing = Timing.NEXT
    notice: tuple[str, str, str] | None = None
    chain: tuple[int, str] | None = None

    def message(self, origin: str, now: float) -> Message:
        """The message as it is stored by the host of its recipient."""
        return Message(
            id=self.id,
            sender=f"{self.sender}@{origin}",
            to=self.to,
            created_at=now - self.age,
            size=len(self.body),
            digest=self.digest,
            topic=self.topic,
            reply_to=self.reply_to,
            expires_at=now + self.ttl if self.ttl is not None else None,
            timing=self.timing,
            notice=Notice(*self.notice) if self.notice is not None else None,
            origin=Origin(chain=self.place) if self.chain is not None else None,
        )

    @property
    def place(self) -> Chain | None:
        """Its place in a chain, as that host tells it: never before the first."""
        return Chain(max(self.chain[0], 1), self.chain[1][:_ID]) if self.chain is not None else None


def letter(message: Message, body: bytes, now: float) -> Letter:
    """The letter of a message for `peer@host`."""
    notice = message.notice
    return Letter(
        id=message.id,
        sender=message.sender,
        to=message.to.partition("@")[0],
        age=max(now - message.created_at, 0.0),
        body=body,
        digest=message.digest,
        topic=message.topic,
        reply_to=message.reply_to,
        ttl=max(message.expires_at - now, 0.0) if message.expires_at is not None else None,
        timing=message.timing,
        notice=(notice.about, notice.outcome, notice.why) if notice is not None else None,
        chain=(message.chain.count, message.chain.root) if message.chain is not None else None,
    )


class Word(msgspec.Struct, frozen=True, tag="word"):
    """How far a message of the other host has come here."""

    sender: str
    id: str
    state: MessageState
    why: str
    accepted_ago: float | None = None


class Part(msgspec.Struct, frozen=True, tag="part"):
    """A part of all that belongs to a peer that moves: the `number`-th of `count`, from 0 on."""

    peer: str
    move: str
    number: int
    count: int
    data: bytes


class Reply(msgspec.Struct, frozen=True, tag="reply"):
    """Whether the host of these words can take a peer that moves, and why not."""

    peer: str
    move: str
    ready: bool
    why: str


class Decision(msgspec.Struct, frozen=True, tag="decision"):
    """What the host that a peer leaves has decided."""

    peer: str
    move: str
    decision: Literal["go", "cancel"]


Travels = Part | Reply | Decision
"""What is told of a move."""
Entry = Letter | Word | Travels


class Data(msgspec.Struct, frozen=True, tag="data"):
    """Entries of an epoch, from the number `first` on."""

    epoch: int
    first: int
    entries: list[Entry]


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """All entries of an epoch up to a number were taken; `gap`: what came then was not the next."""

    epoch: int
    number: int
    gap: bool = False


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """An operator of another host asks for a method of the socket.

    `run` and `number`: the latest sign of life of the asked host that was heard there.
    """

    id: str
    run: str
    number: int
    method: str
    params: dict[str, Any]


class Told(msgspec.Struct, frozen=True, tag="told"):
    """What was asked for goes on (`event`: the latest of it), or is over: its result, or why not."""

    id: str
    over: bool = False
    event: dict[str, Any] | None = None
    result: Any = None
    notes: list[str] = []
    error: dict[str, Any] | None = None


Frame = Data | Heard | Ask | Told
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder[Frame](Frame)


class BrokenFrameError(RoostError):
    """A frame of another host cannot be read."""

    code = "broken-frame"


def encode(frame: Frame) -> bytes:
    """The bytes of a frame."""
    return _encoder.encode(frame)


def decode(frame: bytes) -> Frame:
    """The frame of these bytes. Raises BrokenFrameError."""
    try:
        return _decoder.decode(frame)
    except (ValueError, RecursionError) as error:  # msgspec's are some
        raise BrokenFrameError(f"a frame cannot be read: {error}") from error
