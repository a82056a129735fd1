"""A named participant: its settings, its marks, and what it remembers between sessions."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Self

from msgspec import Struct

from roost.core.vocabulary.identity import OPERATOR, host_of
from roost.core.vocabulary.limits import CHAIN_LIMIT, QUEUE_LIMIT, SENDER_LIMIT
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.move import Move
from roost.core.vocabulary.session import Cause, Refusal, Session


class WakePolicy(StrEnum):
    """When a peer has a session: on demand, one per task, at all times, or when a person runs it."""

    WARM = "warm"
    EPHEMERAL = "ephemeral"
    ALWAYS = "always"
    NEVER = "never"


class AwayPolicy(StrEnum):
    """What becomes of mail for a peer with `wake=never` while nobody runs it.

    `resume`: it wakes the peer, whose conversation goes on in a session of ours.
    """

    KEEP = "keep"
    REFUSE = "refuse"
    RESUME = "resume"


class ResumePolicy(StrEnum):
    """When a wake continues the earlier conversation after a clean park."""

    TOPIC = "topic"
    ALWAYS = "always"
    NEVER = "never"


class Settings(Struct, frozen=True):
    """What an operator chose for a peer. Durations are seconds.

    `server`: the address of the server whose thread it is; `thread`: which one, if not one of its own.
    """

    dir: str
    runtime: str
    wake: WakePolicy = WakePolicy.WARM
    resume: ResumePolicy = ResumePolicy.TOPIC
    description: str = ""
    prompt: str = ""
    idle: float = 3600.0
    quiet: float = 20.0
    silence: float = 600.0
    queue_limit: int = QUEUE_LIMIT
    sender_limit: int = SENDER_LIMIT
    restarts: int = 3
    restart_window: float = 300.0
    env: tuple[tuple[str, str], ...] = ()
    args: tuple[str, ...] = ()
    pool: int = 0
    work_limit: float = 14400.0
    server: str = ""
    thread: str = ""
    away: AwayPolicy = AwayPolicy.KEEP
    chain_limit: int = CHAIN_LIMIT

    @property
    def threaded(self) -> bool:
        """Its session is a thread of a server that somebody else runs: joined and let go of, never ended."""
        return bool(self.server)

    @property
    def resumes_away(self) -> bool:
        """A person's conversation, which goes on in sessions of ours while they do not run it."""
        return self.wake is WakePolicy.NEVER and self.away is AwayPolicy.RESUME

    @property
    def spares(self) -> bool:
        """Fresh sessions are kept ready for tasks to come."""
        return self.pool > 0 and self.wake is WakePolicy.EPHEMERAL

    @property
    def apart(self) -> bool:
        """Each conversation (topic) has a session of its own, kept warm while others are active."""
        return self.pool > 0 and self.wake is not WakePolicy.EPHEMERAL


class WakeMode(StrEnum):
    """How an operator asked for a session."""

    NATURAL = "natural"
    FRESH = "fresh"
    RESUME = "resume"


class PendingWake(Struct, frozen=True):
    """A wake that was asked for and waits until no other session of the peer lives."""

    mode: WakeMode
    by: str


class Quarantine(Struct, frozen=True):
    """The crash-loop guard has tripped: no wake before `until` (Unix seconds), for this reason."""

    until: float
    why: str


class Hindrance(Struct, frozen=True):
    """Why the peer cannot be started, which is nobody's crash.

    `since` and `at` (Unix seconds): the first and the latest of `tries`. `told`: who waited then knows of it.
    `message`: the one that waited first, whose story says so.
    """

    why: str
    since: float
    at: float
    tries: int = 0
    told: bool = False
    message: str = ""


class LastDeath(Struct, frozen=True):
    """How the latest active session ended, as far as the next wake cares.

    `refusal`: the model refused the latest turn of its conversation.
    """

    cause: Cause
    at: float
    cut: bool
    session: str = ""
    why: str = ""
    refusal: Refusal | None = None


class Conversation(Struct, frozen=True):
    """A conversation that no session runs now, of a peer that keeps them apart: what its next wake needs."""

    topic: str | None
    id: str
    last_death: LastDeath
    resume_failed: bool = False


class Awaited(Struct, frozen=True):
    """An answer that the peer wants to a message of its own: until when (Unix seconds), how long that was."""

    message: str
    by: float
    within: float


class Left(Struct, frozen=True):
    """A thread that the peer has left, and when (Unix seconds): no message in it was later then."""

    thread: str
    at: float


class Earlier(Struct, frozen=True):
    """A conversation that a session has left for another one, and the topics that it knows."""

    id: str
    topics: tuple[str, ...]


class Peer(Struct, frozen=True):
    """One participant. `seed` is a secret from which session ids, nonces and boundaries are derived.

    `renaming` is the name that it gets once nothing of it lives, `former` are the names that it had before.
    `moving`: it is on its way to another host, or from one.
    `failures` counts the sessions in a row that ended in a failure before they had been up for long,
    `refusals` the conversations in a row that its model refused.
    `topics` are those of its conversation, `topics_at` tells when a message of each was last accepted (Unix
    seconds), be it in another one.
    `past`: how the session ended whose conversation goes on, where nothing came of later ones.
    """

    name: str
    seed: str
    settings: Settings
    created_at: float
    stopped: bool = False
    fresh_next: bool = False
    resume_failed: bool = False
    removing: bool = False
    renaming: str | None = None
    former: tuple[str, ...] = ()
    pending: PendingWake | None = None
    quarantine: Quarantine | None = None
    backoff_until: float | None = None
    failures: int = 0
    hindered: Hindrance | None = None
    refusals: int = 0
    generation: int = 0
    conversation: str | None = None
    last_death: LastDeath | None = None
    topics: tuple[str, ...] = ()
    deaths: tuple[float, ...] = ()
    since: float = 0.0
    conversations: tuple[Conversation, ...] = ()
    moving: Move | None = None
    awaits: tuple[Awaited, ...] = ()
    left: tuple[Left, ...] = ()
    topics_at: tuple[tuple[str, float], ...] = ()
    earlier: tuple[Earlier, ...] = ()
    past: LastDeath | None = None

    def had_name(self, at: float) -> bool:
        """Whether what was done in its name then (Unix seconds) was its doing, not that of one before it.

        One of another host is known by its name alone, and of the operator there is one for ever.
        """
        return at >= self.created_at or self.name == OPERATOR or host_of(self.name) is not None

    @property
    def away(self) -> bool:
        """Whether no session of it begins: it gets another name, or another host."""
        return self.renaming is not None or self.moving is not None

    @property
    def parting(self) -> LastDeath | None:
        """How the latest session of the conversation that goes on ended."""
        return self.past or self.last_death

    @property
    def left_refused(self) -> bool:
        """Whether that session left a conversation that the model refuses."""
        return self.parting is not None and self.parting.cause is Cause.CONVERSATION_REFUSED


class PeerState(Struct, frozen=True, eq=False):
    """All that `decide` knows of one peer: itself, its sessions, its unfinished messages in order.

    `session` is the active one, the only one that is offered messages; `pool` holds the others.
    `expiry`: no message's time to live runs out before it (Unix seconds; None: none ever). A bound, so that a
    long queue need not be searched at every event.
    """

    peer: Peer
    session: Session | None = None
    messages: Sequence[Message] = ()
    expiry: float | None = None
    pool: tuple[Session, ...] = ()

    @classmethod
    def of(cls, peer: Peer, sessions: Iterable[Session], messages: Sequence[Message]) -> Self:
        """The state of a peer as it was stored, its live sessions in any order."""
        active: Session | None = None
        pool: list[Session] = []
        for session in sorted(sessions, key=lambda session: session.generation):
            if session.pooled:
                pool.append(session)
            else:
                active = session
        expiry = None
        if messages:
            times = (message.expires_at for message in messages if message.expires_at is not None)
            expiry = min(times, default=None)
        return cls(peer, active, messages, expiry, tuple(pool))

    def __eq__(self, other: object) -> bool:
        """The bound `expiry` is passed over: it may be earlier than need be."""
        if not isinstance(other, PeerState):
            return NotImplemented
        mine = (self.peer, self.session, self.messages, self.pool)
        return mine == (other.peer, other.session, other.messages, other.pool)

    __hash__ = None  # pyright: ignore[reportAssignmentType] -- nobody keeps states in sets

    @property
    def sessions(self) -> tuple[Session, ...]:
        """All live sessions, the active one first."""
        return self.pool if self.session is None else (self.session, *self.pool)

    def find_session(self, session_id: str | None) -> Session | None:
        """The live session of that id, active or pooled."""
        return next((session for session in self.sessions if session.id == session_id), None)

    @property
    def offered(self) -> Message | None:
        """The one message that is being handed over, or looked for since that was cut short."""
        return next((message for message in self.messages if message.state is MessageState.OFFERED), None)

    @property
    def turn(self) -> tuple[Message, ...]:
        """The messages of the running turn, in order; one that was cut off waits like a queued one."""
        accepted = MessageState.ACCEPTED
        return tuple(message for message in self.messages if message.state is accepted and not message.cut)

    @property
    def in_flight(self) -> tuple[Message, ...]:
        """The messages that are with a session now: those of its turn, and the offered one."""
        return tuple(message for message in self.messages if message.in_flight and not message.cut)

    @property
    def refusal(self) -> Refusal | None:
        """What the model said when it refused the latest turn of the conversation that goes on."""
        if self.session is not None:
            return self.session.refusal
        last = self.peer.parting
        return None if last is None or self.peer.left_refused or self.peer.fresh_next else last.refusal

    @property
    def queued(self) -> int:
        """How many messages wait."""
        return sum(1 for message in self.messages if message.state is MessageState.QUEUED)

    @property
    def nearly_full(self) -> bool:
        """Whether nine tenths of all mail, or of all notices, that may wait here wait."""
        most = self.peer.settings.queue_limit * 0.9
        if len(self.messages) < most:
            return False
        queued = self.queued
        notices = sum(1 for each in self.messages if each.state is MessageState.QUEUED and each.notice)
        return max(notices, queued - notices) >= most

    def message(self, message_id: str) -> Message | None:
        """The unfinished message of that id."""
        return next((message for message in self.messages if message.id == message_id), None)
