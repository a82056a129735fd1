"""What the daemon answers, as typed values: frozen, times in UTC, and fields of a newer daemon left out.

Each is made of the JSON that the same command prints with `--json`, and has its names; `from` is `sender`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from roost.errors import RoostError

T = TypeVar("T")


class Result(msgspec.Struct, frozen=True):
    """One answer."""


class Session(Result, frozen=True, kw_only=True):
    """A running session of a peer."""

    id: str
    generation: int
    agent_pid: int | None = None
    shim_pid: int | None = None
    server_pid: int | None = None
    socket: str | None = None
    server: str | None = None
    conversation: str | None = None
    started_at: datetime | None = None
    wake_cause: str | None = None
    resumed: bool = False


class Turn(Result, frozen=True, kw_only=True):
    """The message that began the running turn, and how many have joined it."""

    message: str
    topic: str | None = None
    since: datetime | None = None
    joined: int = 0
    sender: str = msgspec.field(name="from")


class Peer(Result, frozen=True, kw_only=True):
    """A row of `list`: a peer, its state, and why it is in it.

    `host`: the one on which it lives, None where this one is in no fleet. Of a peer of another host `dir`,
    `wake` and `created_at` are None.
    """

    name: str
    runtime: str
    dir: str | None
    state: str
    why: str
    since: datetime | None
    queued: int
    wake: str | None
    host: str | None = None
    kind: str = "terminal"
    description: str | None = None
    stopped: bool = False
    fresh_next: bool = False
    turn: Turn | None = None
    session: Session | None = None
    former_names: tuple[str, ...] = ()
    created_at: datetime | None = None


class PeerDetails(Peer, frozen=True, kw_only=True):
    """Everything that `show` tells of a peer. `settings`: as `roost set` takes them."""

    settings: Mapping[str, Any]
    conversation: str | None = None
    topics: tuple[str, ...] = ()
    failures: int = 0


class Controlled(Peer, frozen=True, kw_only=True):
    """A peer of which something was asked. `done`: it was there to be done; `note`: what was done."""

    done: bool
    note: str | None = None


class Notice(Result, frozen=True, kw_only=True):
    """What a message of roost itself is about: another message, and what became of it."""

    about: str
    outcome: str
    why: str | None = None


class Message(Result, frozen=True, kw_only=True):
    """A row of `messages`. `text`: how its body begins."""

    id: str
    to: str
    state: str
    size: int
    created_at: datetime
    why: str | None = None
    topic: str | None = None
    reply_to: str | None = None
    when: str = "next"
    accepted_at: datetime | None = None
    done_at: datetime | None = None
    expires_at: datetime | None = None
    notice: Notice | None = None
    attachments: tuple[str, ...] = ()
    text: str = ""
    sender: str = msgspec.field(name="from")


class MessageDetails(Message, frozen=True, kw_only=True):
    """A message with all of its body, and the ids of its replies.

    `reply_by`: until when its sender awaits one.
    """

    body: str
    replies: tuple[str, ...] = ()
    reply_by: datetime | None = None


class Reply(Result, frozen=True, kw_only=True):
    """The answer that a send has waited for. `unread`: the mailbox where it was unread till then."""

    id: str
    body: str
    attachments: tuple[str, ...] = ()
    unread: str | None = None
    sender: str = msgspec.field(name="from")


class Sent(Result, frozen=True, kw_only=True):
    """A stored message. `key`: sent again with it, it is the same; `notes`: what its sender should know."""

    id: str
    state: str
    key: str
    why: str | None = None
    reply: Reply | None = None
    notes: tuple[str, ...] = ()


class Failed(Result, frozen=True, kw_only=True):
    """Why a message to one of several was not stored, or is not where the wait wanted it."""

    code: str
    message: str
    exit_code: int


class SentTo(Result, frozen=True, kw_only=True):
    """The message of one of several recipients. `id`: None where it was not stored."""

    to: str
    id: str | None
    state: str | None = None
    why: str | None = None
    reply: Reply | None = None
    error: Failed | None = None


class Mail(Result, frozen=True, kw_only=True):
    """A message to a mailbox, with all of its body."""

    id: str
    body: str
    at: datetime
    topic: str | None = None
    reply_to: str | None = None
    read_at: datetime | None = None
    attachments: tuple[str, ...] = ()
    notice: Notice | None = None
    sender: str = msgspec.field(name="from")


class Event(Result, frozen=True, kw_only=True):
    """A line of the journal."""

    seq: int
    ts: datetime
    kind: str
    peer: str | None = None
    session: str | None = None
    message: str | None = None
    cause: str | None = None
    data: Mapping[str, Any] = {}


class Option(Result, frozen=True, kw_only=True):
    """An answer that may be given to a question."""

    id: str
    label: str
    kind: str | None = None


class Question(Result, frozen=True, kw_only=True):
    """What an agent asks a person."""

    id: str
    peer: str
    session: str
    text: str
    options: tuple[Option, ...]
    state: str
    source: str
    since: datetime | None = None
    why: str | None = None
    tool: str | None = None
    command: str | None = None
    answer: str | None = None
    by: str | None = None


class Death(Result, frozen=True, kw_only=True):
    """The end of a session."""

    peer: str
    session: str
    generation: int
    at: datetime
    cause: str
    exit_code: int | None = None
    signal: int | None = None
    by: str | None = None
    evidence: str | None = None
    counted: bool = False
    conversation: str | None = None
    last_lines: tuple[str, ...] = ()


class ToolCall(Result, frozen=True, kw_only=True):
    """A tool that was called in a turn; sizes in bytes."""

    name: str
    input: str
    input_size: int | None = None
    output: str | None = None
    output_size: int | None = None
    failed: bool | None = None


class Said(Result, frozen=True, kw_only=True):
    """A turn of a conversation. `message`: the id of the message that it holds."""

    number: int
    role: str
    text: str
    at: str | None = None
    message: str | None = None
    tools: tuple[ToolCall, ...] = ()


class Found(Result, frozen=True, kw_only=True):
    """A place where words stand. `place`: messages, events or transcripts; the rest by that place."""

    place: str = msgspec.field(name="in")
    at: str | None = None
    snippet: str = ""
    id: str | None = None
    to: str | None = None
    state: str | None = None
    topic: str | None = None
    peer: str | None = None
    conversation: str | None = None
    number: int | None = None
    role: str | None = None
    seq: int | None = None
    kind: str | None = None
    sender: str | None = msgspec.field(name="from", default=None)


def made(kind: type[T], answer: Any) -> T:  # noqa: ANN401 -- JSON
    """The value of an answer. Raises RoostError where the daemon's answer is of another shape."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise RoostError(
            f"the daemon's answer is not understood: {error}; is it of another version?"
        ) from error
