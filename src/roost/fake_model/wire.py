"""What the dialects share: the reading of a request, the writing of server-sent events."""

from enum import StrEnum
from typing import Any

import msgspec
from msgspec import Struct

from roost.fake_model.conversation import Entry, Open
from roost.fake_model.script import Answer, Call, Tool

PIECE = 4096
"""Characters of one text delta."""


class Kind(StrEnum):
    """What a request is for."""

    TURN = "turn"
    """A turn of a conversation: the only kind that follows directives."""
    AUXILIARY = "auxiliary"
    """Anything a CLI asks a model beside the conversation (titles, summaries, checks)."""
    COUNT = "count"
    """Token counting."""
    OTHER = "other"
    """A request without a conversation."""


class Request(Struct, frozen=True):
    """A request with a conversation, read."""

    kind: Kind
    model: str
    entries: tuple[Entry, ...]
    pending: Open
    tools: tuple[str, ...]
    stream: bool
    shape: dict[str, Any] | None = None
    """The JSON schema that the answer has to fit; None where it may be any text."""


class Turn(Struct, frozen=True):
    """A request and the answer decided for it."""

    number: int
    """Position among all requests of this server, from 1; makes ids unique."""
    request: Request
    answer: Answer


def suffixes(call: Call) -> list[str]:
    """What tells the ids of a call apart that is made several times in one answer; one alone has none."""
    times = call.times if isinstance(call, Tool) else 1
    return [f"_{number}" if number else "" for number in range(times)]


def event(name: str, data: dict[str, object]) -> bytes:
    """One server-sent event."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), msgspec.json.encode(data))


def data(content: dict[str, object]) -> bytes:
    """One server-sent event without a name."""
    return b"data: %s\n\n" % msgspec.json.encode(content)


def pieces(text: str) -> list[str]:
    """A text cut into deltas; at least one."""
    return [text[start : start + PIECE] for start in range(0, len(text), PIECE)] or [""]
