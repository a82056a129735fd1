"""A message and the states it passes through under one id."""

from enum import StrEnum

from msgspec import Struct

from roost.core.vocabulary.trace_context import TraceContext, parse_traceparent, span_id


class MessageState(StrEnum):
    """`queued -> offered -> accepted -> done`, or one of the other ends."""

    QUEUED = "queued"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DONE = "done"
    EXPIRED = "expired"
    REFUSED = "refused"
    DEAD_LETTER = "dead-letter"
    UNKNOWN = "unknown"


class Timing(StrEnum):
    """When a busy recipient gets a message.

    `now`: in the running turn, where its program can; else ahead of all that waits. `next`: when it comes to
    it, in order. `idle`: when nothing else waits; it wakes nobody.
    """

    NOW = "now"
    NEXT = "next"
    IDLE = "idle"


HANDED = "being handed over"
HANDED_AGAIN = "driven again after its turn was cut off"
STEERED = "being handed over into the running turn"
PENDING = "entered; the running turn has not taken it yet"
"""Why a message is `offered`, as long as nothing is in its way."""
UNHINDERED = frozenset({HANDED, HANDED_AGAIN, STEERED, PENDING})
TO_READ = "its recipient reads its mail itself, and has not read it yet"
"""Why a message is `queued` for a session that reads its mail itself."""
ANSWERED = "it was answered"
"""Why a message is `done` whose recipient has replied to it, where the end of its turn was another."""
READ = "read"
"""Why a message is `done` whose recipient has read it, which is no end of a turn."""
DOUBTFUL = frozenset({MessageState.OFFERED, MessageState.UNKNOWN})
"""Whether the message was pasted is not proven yet."""
FINAL = frozenset({MessageState.DONE, MessageState.EXPIRED, MessageState.REFUSED, MessageState.DEAD_LETTER})


class Notice(Struct, frozen=True):
    """What the system says about an earlier message; `watch`: of a watch, whose id `about` is."""

    about: str
    outcome: str
    why: str
    watch: bool = False


class Chain(Struct, frozen=True):
    """The place of a message among those that agents sent each other without a person's word.

    `count`: how many there are with this one. `root`: the id of the person's message that they follow, or of
    the first.
    """

    count: int
    root: str


class Origin(Struct, frozen=True):
    """Where a message comes from: for its trace, and its place in a chain (None: a person wrote it).

    The three places of the trace are values of `traceparent`.
    `caller`: the span that its sender named; the message goes on with that trace. `during`: the message in
    whose turn its sender sent it, and `turn` the span of that turn. `answered`: the message that it answers
    or tells of.
    """

    caller: str | None = None
    during: str | None = None
    turn: str | None = None
    answered: str | None = None
    chain: Chain | None = None


class Message(Struct, frozen=True):
    """One message without its body, which only the store and the paste ever hold.

    Times are Unix seconds. `session` is the session it was offered to last, `attempts` counts the offers,
    `cut` says that the turn which took it was cut off by a death, `redriven` that it was driven once more.
    """

    id: str
    sender: str
    to: str
    created_at: float
    size: int
    digest: str
    topic: str | None = None
    reply_to: str | None = None
    state: MessageState = MessageState.QUEUED
    why: str = ""
    expires_at: float | None = None
    not_before: float | None = None
    accepted_at: float | None = None
    done_at: float | None = None
    session: str | None = None
    attempts: int = 0
    cut: bool = False
    redriven: bool = False
    notice: Notice | None = None
    attachments: tuple[str, ...] = ()
    timing: Timing = Timing.NEXT
    origin: Origin | None = None

    @property
    def trace(self) -> TraceContext:
        """Its own span: in a trace of its own, which has its id, or in that of the span its sender named."""
        caller = parse_traceparent(self.origin.caller) if self.origin is not None else None
        span = span_id(self.id)
        return TraceContext(caller.trace, span, caller.sampled) if caller else TraceContext(self.id, span)

    @property
    def turn_trace(self) -> TraceContext:
        """The span of the turn that its latest offer begins."""
        return self.turn_trace_of(self.attempts)

    def turn_trace_of(self, offer: int) -> TraceContext:
        """The span of the turn that the offer of this number (from 1) begins."""
        own = self.trace
        return TraceContext(own.trace, span_id(self.id, "turn", offer), own.sampled)

    @property
    def chain(self) -> Chain | None:
        """Its place among the messages that agents sent each other; None: a person wrote it."""
        return self.origin.chain if self.origin is not None else None

    @property
    def of_person(self) -> bool:
        """Whether a person wrote it."""
        return self.chain is None and self.notice is None

    @property
    def final(self) -> bool:
        """Nothing will happen to it any more."""
        return self.state in FINAL

    @property
    def in_flight(self) -> bool:
        """It is with a session: offered to it, or taken by it with the turn still running."""
        return self.state in (MessageState.OFFERED, MessageState.ACCEPTED)

    @property
    def waiting(self) -> bool:
        """It waits to be offered: for the first time, or again after its turn was cut off."""
        return self.cut or self.state is MessageState.QUEUED


class Examination(StrEnum):
    """What the runtime's own record says about a message that may or may not have been pasted."""

    FOUND = "found"
    ENDED = "ended"
    ABSENT = "absent"
    UNCLEAR = "unclear"
