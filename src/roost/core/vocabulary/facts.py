"""What was seen of one peer: of its messages, its sessions, the host and the clock."""

from dataclasses import dataclass

from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import Chain, Examination
from roost.core.vocabulary.question import Asking
from roost.core.vocabulary.reports import Arrived, Progressed, TurnedAway
from roost.core.vocabulary.session import Cause, Death, Processes, ServerThread, Session, SessionState


@dataclass(frozen=True, slots=True)
class Replied:
    """A reply to a message of this peer was accepted by the store."""

    message_id: str
    reply_id: str


@dataclass(frozen=True, slots=True)
class ChainEnded:
    """A message to this peer was refused for its place in a chain; `about`: what it came after."""

    sender: str
    chain: Chain
    about: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """A message to which this peer was about to await an answer was not taken."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody wrote as this peer: the heartbeat of one that has no process (H6)."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Evidence that names the message id: the agent has taken the message.

    `entered`: how it was handed over, in words, where that is known. `attempt`: the offer that it is evidence
    of, by its number, where that is known: of an earlier one it says nothing about this.
    """

    session: str
    message_id: str
    evidence: str
    entered: str = ""
    attempt: int | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The agent's program has kept the message from its model, for a reason in its own words."""

    session: str
    message_id: str
    why: str


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """The agent's turn ended; `failed` carries the reason when the model could not answer.

    `interrupted`: somebody ended it on purpose, so it is not driven again. `outage`: the model's service
    failed, whatever it was asked. `messages`: the ids that it had taken; None: all that the session has.
    """

    session: str
    evidence: str
    failed: str | None = None
    interrupted: bool = False
    outage: bool = False
    messages: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class OfferWaits:
    """An offer cannot go on for the time being."""

    session: str
    message_id: str
    attempt: int
    why: str


@dataclass(frozen=True, slots=True)
class OfferFailed:
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


@dataclass(frozen=True, slots=True)
class Examined:
    """What the runtime's record says about a message whose offer was cut short.

    `attempt` is the count of offers of the one that was looked for; None: whichever it is now.
    `conversation`: the one whose record holds it; None where that is not known.
    """

    message_id: str
    verdict: Examination
    why: str
    attempt: int | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class Performed:
    """The control request that was asked of the session at `at` is over; `failed`: why it was not done."""

    session: str
    at: float
    failed: str | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """The agent said of itself that it is done."""

    session: str
    summary: str


@dataclass(frozen=True, slots=True)
class Launched:
    """The agent's process runs; it is not known to be ready yet."""

    session: str
    processes: Processes


@dataclass(frozen=True, slots=True)
class ThreadJoined:
    """The session is this thread of somebody else's server, which tells of it from now on."""

    session: str
    thread: ServerThread


@dataclass(frozen=True, slots=True)
class Adopted:
    """A restarted daemon found the session alive and has joined it again."""

    session: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A person gave the peer a live session that the registry did not know."""

    session: Session
    by: str


@dataclass(frozen=True, slots=True)
class Outrun:
    """Sessions of the peer up to this generation run or ran, and the store does not know of them."""

    generation: int


@dataclass(frozen=True, slots=True)
class Observed:
    """The session was seen in this state, with the evidence in words.

    `background`: what goes on beside turns, `asks`: all that it asks a person; None: nothing new is known of
    that.
    """

    session: str
    state: SessionState
    why: str
    conversation: str | None = None
    background: str | None = None
    asks: tuple[Asking, ...] | None = None


@dataclass(frozen=True, slots=True)
class AnswerGiven:
    """The answer that was given at `at` to a question of the session is over.

    `failed`: why it was not given; `doubt`: it may have been, all the same.
    """

    session: str
    question: str
    at: float
    failed: str | None = None
    doubt: bool = False


@dataclass(frozen=True, slots=True)
class BootFailed:
    """The session could not be brought to its prompt.

    `why` says what was seen instead, `blame` who caused it.
    """

    session: str
    why: str
    blame: Blame = Blame.PROGRAM


@dataclass(frozen=True, slots=True)
class ConversationMissing:
    """The session was to resume a conversation of which the runtime keeps no record any more.

    `why`: what says so, where that is not the disk.
    """

    session: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Released:
    """The conversation that the session was to resume, and that somebody else had open, is free now."""

    session: str


@dataclass(frozen=True, slots=True)
class EndVetoed:
    """The kill authority declined to end the session now; ask again after `until` (Unix seconds)."""

    session: str
    why: str
    until: float


@dataclass(frozen=True, slots=True)
class Orphaned:
    """The session has lost its terminal or its agent, and its shim lives on: it can serve nobody any more."""

    session: str
    why: str
    cause: Cause = Cause.SERVER_EXIT


@dataclass(frozen=True, slots=True)
class Died:
    """The session is over: positively confirmed.

    `cleared`: none of its processes is left. Otherwise its children may be, and are ended from now on.
    """

    death: Death
    conversation_exists: bool = True
    cleared: bool = True


@dataclass(frozen=True, slots=True)
class Remained:
    """Processes of an ended session could not be ended (N7)."""

    session: str
    why: str


@dataclass(frozen=True, slots=True)
class Spare:
    """The host has room for one more session that this peer keeps ready."""


@dataclass(frozen=True, slots=True)
class Evict:
    """The host holds too many pooled sessions: this one should make room."""

    session: str
    why: str


@dataclass(frozen=True, slots=True)
class SenderRenamed:
    """Another peer, which may have sent messages here, has another name."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; a deadline of this peer may be due."""


@dataclass(frozen=True, slots=True)
class ClockMoved:
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
