"""What people and agents ask of one peer."""

from dataclasses import dataclass

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Settings, WakeMode
from roost.core.vocabulary.watch import Watch


@dataclass(frozen=True, slots=True)
class Submit:
    """A message arrives for this peer.

    `fresh`: its id was made just now, so nobody can know it. `repeats`: the id of a message that ended
    without being taken, and that an operator sends again as this one.
    """

    message: Message
    fresh: bool = False
    repeats: str | None = None


@dataclass(frozen=True, slots=True)
class Resend:
    """An operator decides that a message in doubt is offered again, under its id."""

    message_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Drop:
    """An operator gives up a message that waits or is in doubt."""

    message_id: str
    by: str


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The reader of a mailbox, or a session that reads its mail itself, has read these messages."""

    message_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wake:
    """Somebody wants a session now."""

    mode: WakeMode
    by: str


@dataclass(frozen=True, slots=True)
class Run:
    """A person begins a session in a terminal of theirs: a fresh one, or one that goes on (`resume`)."""

    by: str
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Join:
    """A program that runs already becomes the peer's session, with the conversation that it is seen in.

    `reads`: nobody hands it its mail, and it reads that itself.
    """

    by: str
    conversation: str
    process: ProcessId
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """A session that has joined is let go of; its program goes on."""

    session: str
    by: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Park the peer: end its session and wake it no more until `Start`."""

    by: str


@dataclass(frozen=True, slots=True)
class Rest:
    """End the session as a clean park; the peer may be woken again."""

    by: str


@dataclass(frozen=True, slots=True)
class Start:
    """Unpark the peer and clear its quarantine."""

    by: str


@dataclass(frozen=True, slots=True)
class Restart:
    """End the session, if any, and start another: a fresh one, or one that goes on in the conversation."""

    by: str
    resume: bool = False


@dataclass(frozen=True, slots=True)
class Refresh:
    """The next natural wake starts a fresh conversation."""

    by: str


@dataclass(frozen=True, slots=True)
class TakeOver:
    """A person begins to type into the session's terminal from elsewhere than a terminal of their own."""

    by: str


@dataclass(frozen=True, slots=True)
class FreshAsked:
    """The agent asked for a fresh session of itself."""

    session: str


@dataclass(frozen=True, slots=True)
class Interrupt:
    """End the running turn."""

    by: str


@dataclass(frozen=True, slots=True)
class Compact:
    """Compact the conversation of the running session."""

    by: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A person answers a question by one of its options; `text`: words that go along with it."""

    question: str
    option: str
    by: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Deny:
    """A person denies what a question asks for."""

    question: str
    by: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Rename:
    """Another name for the peer; for a live one only with `force`."""

    new: str
    by: str
    force: bool


@dataclass(frozen=True, slots=True)
class Remove:
    """Purge the peer; a live one only with `force`."""

    by: str
    force: bool


@dataclass(frozen=True, slots=True)
class Configure:
    """The operator changed settings."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class AwaitReply:
    """The peer is about to send this message, and wants an answer `within` so many seconds."""

    message_id: str
    within: float


@dataclass(frozen=True, slots=True)
class LeaveThread:
    """The peer leaves a thread; `latest`: of its messages from or to that peer (Unix seconds)."""

    thread: str
    latest: float


@dataclass(frozen=True, slots=True)
class WatchPeer:
    """Somebody wants to be told of what becomes of this peer."""

    watch: Watch


Request = (
    Submit
    | Resend
    | Drop
    | Acknowledge
    | Wake
    | Run
    | Join
    | Leave
    | Stop
    | Rest
    | Start
    | Restart
    | Refresh
    | TakeOver
    | FreshAsked
    | Interrupt
    | Compact
    | Answer
    | Deny
    | Rename
    | Remove
    | Configure
    | AwaitReply
    | LeaveThread
    | WatchPeer
)
