"""What the store gives back. Apart from the interfaces, so that a reader loads nothing else.

All times are Unix seconds.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.watch import Watch


class Intent(Struct, frozen=True):
    """An effect that was decided and has not ended yet; a restarted daemon examines it again.

    `key` is the effect's own key, `kind` one of launch, offer, examine, end, notice, control; `data` holds
    plain JSON values.
    """

    key: str
    kind: str
    peer: str
    at: float
    session: str | None = None
    message: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict[str, Any])


class JournalRow(Struct, frozen=True):
    """One stored journal event; `seq` grows by one from event to event and is never used again."""

    seq: int
    ts: float
    kind: str
    peer: str
    session: str | None
    message: str | None
    cause: str | None
    data: Mapping[str, Any]


class Attempt(Struct, frozen=True):
    """One step in the story of a message; `n` counts from 1."""

    n: int
    at: float
    session: str | None
    outcome: str
    why: str


class StoredMessage(Struct, frozen=True):
    """A message with its story and its replies (notices are none), oldest first."""

    message: Message
    attempts: tuple[Attempt, ...]
    replies: tuple[Message, ...]


class Wanted(Struct, frozen=True):
    """Which messages are looked for; None: any. `since`: made at that time (Unix seconds) or later.

    `text` stands in the body or the topic; letters of ASCII are taken for the same in both cases.
    """

    to: str | None = None
    sender: str | None = None
    state: MessageState | None = None
    topic: str | None = None
    since: float | None = None
    text: str | None = None


ANY = Wanted()
"""All messages."""


def is_wanted(message: Message, wanted: Wanted, body: bytes) -> bool:
    """Whether a message is one of those."""
    text = None if wanted.text is None else wanted.text.encode().lower()
    return (
        wanted.to in (None, message.to)
        and wanted.sender in (None, message.sender)
        and wanted.state in (None, message.state)
        and wanted.topic in (None, message.topic)
        and message.created_at >= (wanted.since or 0.0)
        and (text is None or text in body.lower() or text in (message.topic or "").encode().lower())
    )


HEAD = 120
"""Characters by which a message is known where its whole body has no room."""


def head(body: bytes) -> str:
    """How a body begins: its first line that holds text, in at most HEAD characters."""
    text = body[: 8 * HEAD].decode("utf-8", "ignore").strip()
    line = " ".join(text.partition("\n")[0].split())
    return line if len(line) <= HEAD and line == text else f"{line[: HEAD - 1].rstrip()}…"


class Counts(Struct, frozen=True):
    """How much there is: peers, live sessions, queued messages."""

    peers: int
    live: int
    queued: int


class Loaded(Struct, frozen=True):
    """All that a starting daemon needs, from one moment: states as `decide` needs them, and open intents."""

    peers: tuple[PeerState, ...]
    intents: tuple[Intent, ...]
    schema: int
    watches: tuple[Watch, ...] = ()


class Copied(Struct, frozen=True):
    """What a copy holds: the version of its tables, and how much of what a person would miss."""

    schema: int
    peers: int
    messages: int
    kept: str | None = None
    """Where the store that was there before is, after a restore."""
