"""What people and agents ask of one peer."""

from msgspec import Struct

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Settings, WakeMode
from roost.core.vocabulary.watch import Watch


class Submit(Struct, frozen=True):
    """A message arrives for this peer.

    `fresh`: its id was made just now, so nobody can know it. `repeats`: the id of a message that ended
    without being taken, and that an operator sends again as this one.
    """

    message: Message
    fresh: bool = False
    repeats: str | None = None


class Resend(Struct, frozen=True):
    """An operator decides that a message in doubt is offered again, under its id."""

    message_id: str
    by: str


class Drop(Struct, frozen=True):
    """An operator gives up a message that waits or is in doubt."""

    message_id: str
    by: str


class Acknowledge(Struct, frozen=True):
    """The reader of a mailbox, or a session that reads its mail itself, has read these messages."""

    message_ids: tuple[str, ...]


class Wake(Struct, frozen=True):
    """Somebody wants a session now."""

    mode: WakeMode
    by: str


class Run(Struct, frozen=True):
    """A person begins a session in a terminal of theirs: a fresh one, or one that goes on (`resume`)."""

    by: str
    resume: bool = False


class Join(Struct, frozen=True):
    """A program that runs already becomes the peer's session, with the conversation that it is seen in.

    `reads`: nobody hands it its mail, and it reads that itself.
    """

    by: str
    conversation: str
    process: ProcessId
    reads: bool = False


class Hooked(Struct, frozen=True):
    """A hook of a session that has joined calls: its hooks run, so it is handed its mail from now on."""

    session: str


class Leave(Struct, frozen=True):
    """A session that has joined is let go of; its program goes on."""

    session: str
    by: str


class Stop(Struct, frozen=True):
    """Park the peer: end its session and wake it no more until `Start`."""

    by: str


class Rest(Struct, frozen=True):
    """End the session as a clean park; the peer may be woken again."""

    by: str


class Start(Struct, frozen=True):
    """Unpark the peer and clear its quarantine."""

    by: str


class Restart(Struct, frozen=True):
    """End the session, if any, and start another: a fresh one, or one that goes on in the conversation."""

    by: str
    resume: bool = False


class Refresh(Struct, frozen=True):
    """The next natural wake starts a fresh conversation."""

    by: str


class TakeOver(Struct, frozen=True):
    """A person begins to type into the session's terminal from elsewhere than a terminal of their own."""

    by: str


class FreshAsked(Struct, frozen=True):
    """The agent asked for a fresh session of itself."""

    session: str


class Interrupt(Struct, frozen=True):
    """End the running turn."""

    by: str


class Compact(Struct, frozen=True):
    """Compact the conversation of the running session."""

    by: str


class Answer(Struct, frozen=True):
    """A person answers a question by one of its options; `text`: words that go along with it."""

    question: str
    option: str
    by: str
    text: str = ""


class Deny(Struct, frozen=True):
    """A person denies what a question asks for."""

    question: str
    by: str
    text: str = ""


class Rename(Struct, frozen=True):
    """Another name for the peer; for a live one only with `force`."""

    new: str
    by: str
    force: bool


class Remove(Struct, frozen=True):
    """Purge the peer; a live one only with `force`."""

    by: str
    force: bool


class Configure(Struct, frozen=True):
    """The operator changed settings."""

    settings: Settings


class AwaitReply(Struct, frozen=True):
    """The peer is about to send this message, and wants an answer `within` so many seconds."""

    message_id: str
    within: float


class LeaveThread(Struct, frozen=True):
    """The peer leaves a thread; `latest`: of its messages from or to that peer (Unix seconds)."""

    thread: str
    latest: float


class WatchPeer(Struct, frozen=True):
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
    | Hooked
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
