"""What was seen of one peer: of its messages, its sessions, the host and the clock."""

from msgspec import Struct

from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import Chain, Examination
from roost.core.vocabulary.question import Asking
from roost.core.vocabulary.reports import Arrived, Progressed, TurnedAway
from roost.core.vocabulary.session import Cause, Death, Processes, ServerThread, Session, SessionState
from roost.faults import Fault


class Replied(Struct, frozen=True):
    """A reply to a message of this peer was accepted by the store."""

    message_id: str
    reply_id: str


class ChainEnded(Struct, frozen=True):
    """A message to this peer was refused for its place in a chain; `about`: what it came after.

    A notice was, where `sender` is that of notices; `about` is then what it would have told of.
    """

    sender: str
    chain: Chain
    about: str


class NotSent(Struct, frozen=True):
    """A message to which this peer was about to await an answer was not taken."""

    message_id: str


class Seen(Struct, frozen=True):
    """Somebody wrote as this peer: the heartbeat of one that has no process (H6)."""


class Taken(Struct, frozen=True):
    """Evidence that names the message id: the agent has taken the message.

    `entered`: how it was handed over, in words, where that is known. `attempt`: the offer that it is evidence
    of, by its number, where that is known: of an earlier one it says nothing about this.
    """

    session: str
    message_id: str
    evidence: str
    entered: str = ""
    attempt: int | None = None


class Rejected(Struct, frozen=True):
    """The agent's program has kept the message from its model, for a reason in its own words.

    `by`: who refused it, a hook or the program itself.
    """

    session: str
    message_id: str
    why: str
    by: str = "a hook"


class TurnEnded(Struct, frozen=True):
    """The agent's turn ended; `failed` carries the reason when the model could not answer.

    `interrupted`: somebody ended it on purpose, so it is not driven again. `fault`: whose fault it is.
    `messages`: the ids that it had taken; None: all that the session has.
    """

    session: str
    evidence: str
    failed: str | None = None
    interrupted: bool = False
    fault: Fault = Fault.UNKNOWN
    messages: tuple[str, ...] | None = None


class OfferWaits(Struct, frozen=True):
    """An offer cannot go on for the time being."""

    session: str
    message_id: str
    attempt: int
    why: str


class OfferFailed(Struct, frozen=True):
    """An offer did not end in evidence. `certain`: provably nothing was pasted.

    `attempt` is the message's count of offers when this one was made; None: whichever it is now.
    `person`: somebody at the terminal was not to be disturbed.
    """

    session: str
    message_id: str
    certain: bool
    why: str
    attempt: int | None = None
    person: bool = False


class Examined(Struct, frozen=True):
    """What the runtime's record says about a message whose offer was cut short.

    `attempt` is the count of offers of the one that was looked for; None: whichever it is now.
    `conversation`: the one whose record holds it; None where that is not known.
    """

    message_id: str
    verdict: Examination
    why: str
    attempt: int | None = None
    conversation: str | None = None


class Performed(Struct, frozen=True):
    """The control request that was asked of the session at `at` is over; `failed`: why it was not done."""

    session: str
    at: float
    failed: str | None = None
    note: str = ""


class Completed(Struct, frozen=True):
    """The agent said of itself that it is done."""

    session: str
    summary: str


class Launched(Struct, frozen=True):
    """The agent's process runs; it is not known to be ready yet."""

    session: str
    processes: Processes


class ThreadJoined(Struct, frozen=True):
    """The session is this thread of somebody else's server, which tells of it from now on."""

    session: str
    thread: ServerThread


class Adopted(Struct, frozen=True):
    """A restarted daemon found the session alive and has joined it again."""

    session: str


class ToolsGiven(Struct, frozen=True):
    """The session's program has asked for the tools and was answered."""

    session: str


class Claimed(Struct, frozen=True):
    """A person gave the peer a live session that the registry did not know."""

    session: Session
    by: str


class Outrun(Struct, frozen=True):
    """Sessions of the peer up to this generation run or ran, and the store does not know of them."""

    generation: int


class Observed(Struct, frozen=True):
    """The session was seen in this state, with the evidence in words.

    `background`: what goes on beside turns, `asks`: all that it asks a person; None: nothing new is known of
    that. `anew`: when its conversation began (Unix seconds), where that is known to hold nothing of the one
    before.
    """

    session: str
    state: SessionState
    why: str
    conversation: str | None = None
    background: str | None = None
    asks: tuple[Asking, ...] | None = None
    anew: float | None = None


class AnswerGiven(Struct, frozen=True):
    """The answer that was given at `at` to a question of the session is over.

    `failed`: why it was not given; `doubt`: it may have been, all the same.
    """

    session: str
    question: str
    at: float
    failed: str | None = None
    doubt: bool = False


class BootFailed(Struct, frozen=True):
    """The session could not be brought to its prompt.

    `why` says what was seen instead, `blame` who caused it.
    """

    session: str
    why: str
    blame: Blame = Blame.PROGRAM


class ConversationMissing(Struct, frozen=True):
    """The session was to resume a conversation of which the runtime keeps no record any more.

    `why`: what says so, where that is not the disk.
    """

    session: str
    why: str = ""


class Released(Struct, frozen=True):
    """The conversation that the session was to resume, and that somebody else had open, is free now."""

    session: str


class EndVetoed(Struct, frozen=True):
    """The kill authority declined to end the session now; ask again after `until` (Unix seconds)."""

    session: str
    why: str
    until: float


class Orphaned(Struct, frozen=True):
    """The session has lost its terminal or its agent, and its shim lives on: it can serve nobody any more."""

    session: str
    why: str
    cause: Cause = Cause.SERVER_EXIT


class Died(Struct, frozen=True):
    """The session is over: positively confirmed.

    `cleared`: none of its processes is left. Otherwise its children may be, and are ended from now on.
    """

    death: Death
    conversation_exists: bool = True
    cleared: bool = True


class Remained(Struct, frozen=True):
    """Processes of an ended session could not be ended (N7)."""

    session: str
    why: str


class Spare(Struct, frozen=True):
    """The host has room for one more session that this peer keeps ready."""


class Evict(Struct, frozen=True):
    """The host holds too many pooled sessions: this one should make room."""

    session: str
    why: str


class SenderRenamed(Struct, frozen=True):
    """Another peer, which may have sent messages here, has another name."""

    old: str
    new: str


class Tick(Struct, frozen=True):
    """Time has passed; a deadline of this peer may be due."""


class ClockMoved(Struct, frozen=True):
    """The wall clock jumped: beside the running time of the machine by `by`, in seconds.

    `set_by` is the part by which somebody set it; the machine slept for the rest.
    """

    by: float
    set_by: float


Fact = (
    Replied
    | ChainEnded
    | NotSent
    | Seen
    | Taken
    | Rejected
    | TurnEnded
    | OfferWaits
    | OfferFailed
    | Examined
    | Arrived
    | Progressed
    | TurnedAway
    | Performed
    | Completed
    | Launched
    | ThreadJoined
    | Adopted
    | ToolsGiven
    | Claimed
    | Outrun
    | Observed
    | AnswerGiven
    | BootFailed
    | ConversationMissing
    | Released
    | EndVetoed
    | Orphaned
    | Died
    | Remained
    | Spare
    | Evict
    | SenderRenamed
    | Tick
    | ClockMoved
)
