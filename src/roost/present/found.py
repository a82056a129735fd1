"""What a search has found, as JSON. `marks`: where in the snippet it stands (characters, from and to)."""

from typing import Any

from roost.core.vocabulary.message import Message
from roost.core.vocabulary.view import iso
from roost.present.objects import event_object
from roost.store.records import JournalRow
from roost.store.search.matcher import Snippet

MESSAGES, TRANSCRIPTS, EVENTS = "messages", "transcripts", "events"
PLACES = (MESSAGES, TRANSCRIPTS, EVENTS)
"""Where can be searched."""


def found_message(message: Message, snippet: Snippet) -> dict[str, Any]:
    """A message."""
    return {
        "in": MESSAGES,
        "at": iso(message.created_at),
        "id": message.id,
        "from": message.sender,
        "to": message.to,
        "topic": message.topic,
        "state": str(message.state),
        **_shown(snippet),
    }


def found_event(row: JournalRow, snippet: Snippet) -> dict[str, Any]:
    """An event."""
    return {"in": EVENTS, "at": iso(row.ts), **event_object(row), **_shown(snippet)}


def found_turn(peer: str, conversation: str, turn: dict[str, Any], snippet: Snippet) -> dict[str, Any]:
    """A turn of a conversation."""
    known = {name: turn[name] for name in ("number", "role", "message")}
    return {
        "in": TRANSCRIPTS,
        "at": turn["at"],
        "peer": peer,
        "conversation": conversation,
        **known,
        **_shown(snippet),
    }


def _shown(snippet: Snippet) -> dict[str, Any]:
    return {"snippet": snippet.text, "marks": [list(mark) for mark in snippet.marks]}
