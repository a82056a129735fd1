"""One live incarnation of a peer, and how such a life ends."""

from enum import StrEnum

from msgspec import Struct

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.question import Asking, Question


class SessionState(StrEnum):
    """What a live session is doing."""

    STARTING = "starting"
    IDLE = "idle"
    WORKING = "working"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    STOPPING = "stopping"


class Tools(StrEnum):
    """Whether the agent's program has asked for our tools; one that asks once goes without them otherwise.

    `AWAITED`: not yet. `DOUBTED`: it had not when its daemon was gone, which may have been as it asked.
    """

    GIVEN = "given"
    AWAITED = "awaited"
    DOUBTED = "doubted"


class Cause(StrEnum):
    """Why a session ended."""

    IDLE_SLEEP = "idle-sleep"
    TOOLS_MISSING = "tools-missing"
    EPHEMERAL_DONE = "ephemeral-done"
    EPHEMERAL_SILENT = "ephemeral-silent"
    OPERATOR_STOP = "operator-stop"
    RESTART = "restart"
    REMOVED = "removed"
    COMPLETED = "completed"
    CRASHED = "crashed"
    OOM = "oom"
    BOOT_FAILED = "boot-failed"
    NOT_STARTED = "not-started"
    CONVERSATION_REFUSED = "conversation-refused"
    SERVER_EXIT = "server-exit"
    SHIM_LOST = "shim-lost"
    REBOOT = "reboot"
    ORPHAN = "orphan"
    THREAD_CLOSED = "thread-closed"
    THREAD_ARCHIVED = "thread-archived"
    THREAD_UNLOADED = "thread-unloaded"
    SERVER_GONE = "server-gone"
    TERMINAL_CLOSED = "terminal-closed"
    PROGRAM_ENDED = "program-ended"
    LEFT = "left"
    UNKNOWN = "unknown"


COUNTED = frozenset({Cause.CRASHED, Cause.OOM, Cause.BOOT_FAILED, Cause.SERVER_EXIT, Cause.SHIM_LOST})
"""Deaths that count for the crash-loop guard (P6); policy deaths and operator stops never do."""

PARKED = frozenset({Cause.IDLE_SLEEP, Cause.OPERATOR_STOP, Cause.REBOOT})
"""Deaths after which the conversation may be resumed by the wake table, rows 8 to 10."""


class WakeCause(StrEnum):
    """The row of the wake table that decided between resume and fresh."""

    OPERATOR_FRESH = "operator-fresh"
    OPERATOR_RESUME = "operator-resume"
    REFRESH = "refresh"
    EPHEMERAL = "ephemeral"
    FIRST_WAKE = "first-wake"
    REDRIVE = "redrive"
    CRASH_OR_SELF_CLOSE = "crash-or-self-close"
    PARKED_ALWAYS = "parked-always"
    PARKED_NEVER = "parked-never"
    PARKED_TOPIC = "parked-topic"
    PARKED_NO_TOPIC = "parked-no-topic"
    PARKED_OTHER_TOPIC = "parked-other-topic"
    TOOLS_MISSING = "tools-missing"
    RESUME_FAILED = "resume-failed"
    CONVERSATION_GONE = "conversation-gone"
    CONVERSATION_REFUSED = "conversation-refused"
    THREAD = "thread"
    JOINED = "joined"
    AWAY_RESUME = "away-resume"


FORGETS = frozenset({WakeCause.RESUME_FAILED, WakeCause.CONVERSATION_GONE})
"""Wakes that were to go on with the conversation, and could not: who writes next is told (C7)."""

INSISTS = frozenset({WakeCause.OPERATOR_RESUME, WakeCause.AWAY_RESUME})
"""Wakes that go on with the conversation or fail: a fresh one is not what was wanted."""


class Processes(Struct, frozen=True):
    """The processes of a session and its tmux socket; in a person's own terminal there is no server."""

    agent: ProcessId
    shim: ProcessId
    server: ProcessId | None
    socket: str


class ServerThread(Struct, frozen=True):
    """What a session without processes of its own is: a thread of a server that somebody else runs.

    `address` as in the setting `server`; `server` is the process that answered there, None where the system
    does not tell. `loaded`: its server had loaded it before, so that it keeps the tools that it has.
    """

    address: str
    id: str
    server: ProcessId | None
    loaded: bool = False


class Joined(Struct, frozen=True):
    """What a session is that somebody else started and that has joined: its program, which is never ended.

    `reads`: nobody hands it its mail, and it reads that itself.
    """

    process: ProcessId
    reads: bool = False


class Ending(Struct, frozen=True):
    """An end that was asked for: why, by whom, since when; `note` is what an agent said of its work."""

    cause: Cause
    by: str
    at: float
    note: str = ""


class ControlKind(StrEnum):
    """What an operator can ask of a running session without ending it."""

    INTERRUPT = "interrupt"
    COMPACT = "compact"


class ControlRequest(Struct, frozen=True):
    """Something asked of a running session at `at` (Unix seconds, its identity), and how it ended.

    `begun`: its keys may have been pressed. `failed` says why it was not done, `note` what else is known.
    `clock_moved`: seconds that the clock has jumped since it was asked for.
    """

    kind: ControlKind
    by: str
    at: float
    begun: bool = False
    ended_at: float | None = None
    failed: str | None = None
    note: str = ""
    clock_moved: float = 0.0


class Refusal(Struct, frozen=True):
    """The latest turn of a conversation failed: the message that it was for, and the model's words."""

    message: str
    why: str


class HeldOffer(Struct, frozen=True):
    """The message whose offer a person at the session's terminal is in the way of, since when (Unix seconds).

    It is one offer, however often it is tried: nothing of it was ever pasted.
    """

    message: str
    since: float


class Before(Struct, frozen=True):
    """What goes on for the peer where nothing comes of its fresh session: the conversation before it."""

    conversation: str | None
    topics: tuple[str, ...] = ()
    fresh_next: bool = False
    resume_failed: bool = False


class Session(Struct, frozen=True):
    """One live session. Times are Unix seconds; `armed_at` starts the quiet window of an ephemeral task.

    `used`: it is fresh no more, as it has a past or was shown a message, or may have been.
    `pooled`: it is kept beside the peer's active session and is offered nothing; a `spare` one
    was started for the pool and has never been active. `topic` is the conversation
    that it runs, where a peer keeps conversations apart (None: the main one), `sender` who sent its latest
    message. Until `held_until` a person works in its terminal, so it is not ended for being idle.
    `background`: what goes on, or is to begin, beside turns, by its program's own word. `told`: the messages
    whose senders have heard that it takes none now. `refusal`: its model refused its latest turn.
    `vetoed`: why it was not put to sleep when it was due. `clock_moved`: seconds that the clock has jumped
    since it started. `questions`: what it asks, and what it asked last; `asked` counts them.
    `own_terminal`: a person runs it in a terminal of theirs. No policy ends it, and nothing is typed there.
    `joined`: it was there before, and is let go of when it leaves; it is in a terminal of theirs as well.
    `roused`: its latest turn was about nothing but what watches have told.
    `held_offer`: what is not pasted because of a person at its terminal. `tools`: of a session that was
    stored before that was asked, they are taken for given. `toolless`: the messages that it had been given,
    to be answered by a tool, when they became doubtful. `answered`: those with it that it has replied to.
    `before`: what it takes the place of once it has been at its prompt, or has ended and left its own
    conversation.
    """

    id: str
    peer: str
    generation: int
    nonce: str
    wake: WakeCause
    resumed: bool
    started_at: float
    since: float
    state: SessionState = SessionState.STARTING
    why: str = ""
    conversation: str | None = None
    processes: Processes | None = None
    ready: bool = False
    active_at: float | None = None
    task: str | None = None
    armed_at: float | None = None
    ending: Ending | None = None
    pooled: bool = False
    spare: bool = False
    topic: str | None = None
    sender: str | None = None
    held_until: float | None = None
    vetoed: str = ""
    control: ControlRequest | None = None
    clock_moved: float = 0.0
    background: str = ""
    told: tuple[str, ...] = ()
    refusal: Refusal | None = None
    used: bool = False
    thread: ServerThread | None = None
    questions: tuple[Question, ...] = ()
    asked: int = 0
    own_terminal: bool = False
    joined: Joined | None = None
    roused: bool = False
    held_offer: HeldOffer | None = None
    tools: Tools = Tools.GIVEN
    toolless: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    before: Before | None = None

    @property
    def asks(self) -> tuple[Asking, ...]:
        """What it asks now, by the latest look."""
        return tuple(question.asking for question in self.questions if question.standing)

    @property
    def begun(self) -> float:
        """When it was asked for, by the clock as it is now (Unix seconds)."""
        return self.started_at + self.clock_moved

    @property
    def earliest(self) -> float:
        """The earliest time that anything of it bears: what it does after the clock was set back, too."""
        return min(self.started_at, self.begun)

    @property
    def launched(self) -> bool:
        """Whether it is known what runs of it: its processes, the thread that it is, or who has joined."""
        return self.processes is not None or self.thread is not None or self.joined is not None

    @property
    def agent(self) -> ProcessId | None:
        """The process of its agent's program, where it is known."""
        if self.joined is not None:
            return self.joined.process
        return self.processes.agent if self.processes is not None else None

    @property
    def guest(self) -> bool:
        """Whether nothing of it is ours: its end comes from elsewhere, and ours is to let go of it (P5)."""
        return self.thread is not None or self.joined is not None

    @property
    def reads(self) -> bool:
        """Whether it reads its mail itself, as the reader of a mailbox does."""
        return self.joined is not None and self.joined.reads

    @property
    def by_command(self) -> bool:
        """Whether it has none of our tools, or may have none, and answers by commands."""
        loaded = self.thread is not None and self.thread.loaded
        return self.joined is not None or loaded or self.tools is Tools.DOUBTED

    @property
    def open_control(self) -> ControlRequest | None:
        """The control request that is still to be done."""
        return self.control if self.control is not None and self.control.ended_at is None else None

    def holds_offer(self, message: str) -> bool:
        """Whether a person is in the way of this message's offer."""
        return self.held_offer is not None and self.held_offer.message == message

    @property
    def held(self) -> bool:
        """Whether it waits for a conversation that somebody else has open: nothing of it runs yet (P5)."""
        return self.state is SessionState.BLOCKED and not self.launched


def stand_in(ident: str, peer: str, generation: int, conversation: str | None) -> Session:
    """Stands for a session that is over, or unknown: it names a conversation, and nothing of it lives."""
    return Session(
        id=ident,
        peer=peer,
        generation=generation,
        nonce="",
        wake=WakeCause.OPERATOR_RESUME,
        resumed=True,
        started_at=0.0,
        since=0.0,
        conversation=conversation,
    )


class Death(Struct, frozen=True):
    """The end of one session as recorded: cause, code or signal, who asked, and the evidence in words."""

    session: str
    peer: str
    generation: int
    at: float
    cause: Cause
    exit_code: int | None = None
    signal: int | None = None
    by: str | None = None
    evidence: str = ""
    counted: bool = False
    conversation: str | None = None
    last_lines: tuple[str, ...] = ()
