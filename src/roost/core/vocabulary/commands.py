"""What `decide` asks for. Saves, journal lines and effects of one decision commit together.

Effects are also stored as intents under their `key` until the event that ends them is committed, so that a
daemon killed in between examines them again.
"""

from collections.abc import Iterable
from typing import Any, cast, get_args

from msgspec import Struct, field

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Chain, Message, MessageState, Notice
from roost.core.vocabulary.move import Decide, HandOver, Own
from roost.core.vocabulary.peer import Peer
from roost.core.vocabulary.question import Question
from roost.core.vocabulary.session import Cause, ControlRequest, Death, Session
from roost.core.vocabulary.watch import Watch
from roost.errors import RoostError


class SavePeer(Struct, frozen=True):
    """Store the peer's row."""

    peer: Peer


class SaveSession(Struct, frozen=True):
    """Store the row of a live session."""

    session: Session


class CloseSession(Struct, frozen=True):
    """The session's row ends with this death."""

    death: Death


class SaveMessage(Struct, frozen=True):
    """Store the message's state."""

    message: Message


class SaveAttempt(Struct, frozen=True):
    """Record one step of handing a message over."""

    message_id: str
    session: str | None
    outcome: str
    why: str


class AddWatch(Struct, frozen=True):
    """Store a new watch."""

    watch: Watch


class SaveWatch(Struct, frozen=True):
    """Store what a watch has told, unless it has ended meanwhile."""

    watch: Watch


class EndWatch(Struct, frozen=True):
    """Let go of a watch."""

    watch: str


class Purge(Struct, frozen=True):
    """Delete everything keyed to the peer."""

    peer: str


class Rename(Struct, frozen=True):
    """Move all that is keyed to the peer's old name to the new one; its history counts from `since`.

    A peer of another host that has the new name already gives way: what is keyed to it is the renamed one's,
    but for sessions that an earlier peer of that name had by the same numbers. No other gives way.
    """

    old: str
    new: str
    since: float


class Journal(Struct, frozen=True):
    """Append one event to the journal; `kind` is one of contract.md's event kinds."""

    kind: str
    peer: str
    session: str | None = None
    message: str | None = None
    cause: str | None = None
    data: dict[str, Any] = field(default_factory=dict[str, Any])


class Refuse(Struct, frozen=True):
    """Nothing changes; the asker gets this error."""

    error: RoostError


class Advise(Struct, frozen=True):
    """One line for the asker that the request itself does not tell."""

    text: str


class Notify(Struct, frozen=True):
    """Tell the sender of a message what became of it, or a watcher; the same news has the same `id`.

    `chain`: the place of a message that was refused and so is stored nowhere. `since`: when whom it is for
    had this name (Unix seconds; None: not known); a peer that was made later is told nothing.
    """

    id: str
    to: str
    notice: Notice
    chain: Chain | None = None
    since: float | None = None

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"notice:{self.id}"


class Launch(Struct, frozen=True):
    """Bring up this session."""

    session: Session

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"launch:{self.session.id}"


class Offer(Struct, frozen=True):
    """Hand this message to this session.

    `redrive` sends a short note about it instead of the body. `steers`: into its running turn.
    """

    session: str
    peer: str
    message: Message
    redrive: bool
    steers: bool = False

    @property
    def key(self) -> str:
        """The intent's key."""
        return offer_key(self.message)


def offer_key(message: Message) -> str:
    """The key of the message's latest offer."""
    return f"offer:{message.id}:{message.attempts}"


class Examine(Struct, frozen=True):
    """Look whether this message was pasted, before anybody pastes again."""

    session: str | None
    peer: str
    message: Message
    conversation: str | None

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"examine:{self.message.id}:{self.message.attempts}"


class End(Struct, frozen=True):
    """End this session through the kill authority."""

    session: Session
    cause: Cause
    by: str
    guarded: bool

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"end:{self.session.id}"


class Clear(Struct, frozen=True):
    """End what is left of a session's processes: `root` with all below it, and all that carry the marker."""

    session: str
    peer: str
    nonce: str
    root: ProcessId | None

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"clear:{self.session}"


class Perform(Struct, frozen=True):
    """Do what was asked of this running session."""

    session: Session
    control: ControlRequest

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"control:{self.session.id}:{self.control.at}"


class GiveAnswer(Struct, frozen=True):
    """Give a running session the answer to its question."""

    session: Session
    question: Question

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"answer:{self.question.id}:{self.question.at}"


class Forward(Struct, frozen=True):
    """Bring a message to the host of its recipient, `peer@host`, behind those before it."""

    peer: str
    message: Message

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"forward:{self.message.id}"


class Report(Struct, frozen=True):
    """Tell the host of a message's sender, `peer@host`, how far it has come here. The latest word counts."""

    to: str
    message_id: str
    state: MessageState
    why: str
    accepted_at: float | None = None

    @property
    def key(self) -> str:
        """The intent's key."""
        return f"report:{self.message_id}"


def clear(session: Session) -> Clear:
    """What may be left of this session."""
    root = session.processes.agent if session.processes is not None else None
    return Clear(session.id, session.peer, session.nonce, root)


Here = Launch | Offer | Examine | End | Notify | Clear | Perform | GiveAnswer
"""What is done on this host alone."""
Between = Forward | Report | HandOver | Own | Decide
"""What is done together with another host, in the order in which it was decided."""
Effect = Here | Between
_EFFECTS = frozenset(get_args(Effect))
OfWatch = AddWatch | SaveWatch | EndWatch
Change = SavePeer | SaveSession | CloseSession | SaveMessage | SaveAttempt | OfWatch | Purge | Rename
Command = Change | Journal | Refuse | Advise | Effect


def effects(commands: Iterable[Command]) -> list[Effect]:
    """Those that do something, in order."""
    # To ask for an instance of a union looks at its types one by one, for each command that is none of them.
    return [cast("Effect", command) for command in commands if type(command) in _EFFECTS]
