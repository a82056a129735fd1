"""What a request says, without its dialect: the sequence of things said so far.

All the wire formats send the whole conversation with every request. They are read into a list of `Entry`,
from which `script.answer` decides. Nothing is remembered between requests: a
server that was restarted in the middle of a conversation answers as before.
"""

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct


class Said(StrEnum):
    """Who or what an entry of the conversation comes from."""

    USER = "user"
    """A text of the user, whole."""
    MODEL = "model"
    """A text of the model; what came before it is answered."""
    CALL = "call"
    """A tool call of the model."""
    RESULT = "result"
    """The result of a tool call."""
    CUT = "cut"
    """The user interrupted: what came before is not to be answered any more."""


class Entry(Struct, frozen=True):
    """One thing that was said; `text` is empty for a `CUT`."""

    said: Said
    text: str = ""


class Open(Struct, frozen=True):
    """The part of a conversation that waits for an answer."""

    texts: tuple[str, ...]
    """The user's texts since the model's last text (several when messages were queued or steered)."""
    results: int
    """Tool calls that have been answered for these texts."""
    earlier: int
    """User texts before these."""
    told: tuple[str, ...] = ()
    """What those tool calls were answered, in order."""


def waiting(entries: Sequence[Entry]) -> Open:
    """The unanswered end of a conversation.

    A model's text that is followed by a tool call belongs to the same turn, so only a text that a user text
    follows closes what was before it.
    """
    users = [index for index, entry in enumerate(entries) if entry.said is Said.USER]
    start = len(entries)
    for index in reversed(users):
        between = entries[index + 1 : start]
        if any(entry.said is Said.CUT for entry in between):
            break
        if start < len(entries) and any(entry.said is Said.MODEL for entry in between):
            break
        start = index
    tail = entries[start:]
    return Open(
        texts=tuple(entry.text for entry in tail if entry.said is Said.USER),
        results=sum(entry.said is Said.RESULT for entry in tail),
        earlier=sum(index < start for index in users),
        told=tuple(entry.text for entry in tail if entry.said is Said.RESULT),
    )
