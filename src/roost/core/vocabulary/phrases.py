"""Why sessions begin and how they end, as a person says it."""

from roost.core.vocabulary.session import Cause, WakeCause

WOKEN = {
    WakeCause.OPERATOR_FRESH: "fresh, as the operator asked",
    WakeCause.OPERATOR_RESUME: "to go on with its conversation, as the operator asked",
    WakeCause.REFRESH: "fresh, as it was marked",
    WakeCause.EPHEMERAL: "fresh, as for each task",
    WakeCause.FIRST_WAKE: "for the first time",
    WakeCause.REDRIVE: "to go on with its conversation and a turn that was cut off",
    WakeCause.CRASH_OR_SELF_CLOSE: "fresh, as its last session did not end as a sleep",
    WakeCause.PARKED_ALWAYS: "to go on with its conversation",
    WakeCause.PARKED_NEVER: "fresh, as `resume=never` says",
    WakeCause.PARKED_TOPIC: "to go on with its conversation, which knows the topic",
    WakeCause.PARKED_NO_TOPIC: "fresh, as no topic was given",
    WakeCause.PARKED_OTHER_TOPIC: "fresh, as the topic is another one",
    WakeCause.TOOLS_MISSING: "to go on with its conversation, and with its tools",
    WakeCause.CONVERSATION_REFUSED: "fresh, as its model refused its conversation",
    WakeCause.RESUME_FAILED: "fresh, as its conversation could not be resumed",
    WakeCause.CONVERSATION_GONE: "fresh, as its conversation is not on disk",
    WakeCause.THREAD: "as the thread that it is",
    WakeCause.JOINED: "by a program that runs already",
    WakeCause.AWAY_RESUME: "to go on with its conversation, which no person runs now",
}
"""What follows "is woken". Whether it can go on with its conversation is seen later."""

THEIRS = "it runs in the roost of"
"""How the reason begins why a session cannot be told: another home, which follows, has it."""

ENDED = {
    Cause.IDLE_SLEEP: "was put to sleep",
    Cause.TOOLS_MISSING: "ended to begin anew with its tools",
    Cause.EPHEMERAL_DONE: "ended, its task done",
    Cause.EPHEMERAL_SILENT: "was ended, as it gave no answer",
    Cause.OPERATOR_STOP: "was stopped",
    Cause.RESTART: "ended to begin anew",
    Cause.REMOVED: "ended to be removed",
    Cause.COMPLETED: "left by itself",
    Cause.CRASHED: "crashed",
    Cause.OOM: "was killed for lack of memory",
    Cause.BOOT_FAILED: "failed to start",
    Cause.NOT_STARTED: "could not be started",
    Cause.CONVERSATION_REFUSED: "left its conversation",
    Cause.SERVER_EXIT: "ended with its terminal's server",
    Cause.SHIM_LOST: "ended, and its shim left no record",
    Cause.REBOOT: "ended with a reboot",
    Cause.ORPHAN: "was ended as an orphan",
    Cause.THREAD_CLOSED: "ended, as its server closed its thread",
    Cause.THREAD_ARCHIVED: "ended, as its thread was archived",
    Cause.THREAD_UNLOADED: "ended, as its server unloaded its thread",
    Cause.SERVER_GONE: "ended with its server",
    Cause.TERMINAL_CLOSED: "ended with the terminal that it ran in",
    Cause.PROGRAM_ENDED: "ended with its program",
    Cause.LEFT: "has left",
    Cause.UNKNOWN: "ended, it is not known why",
}
"""What follows the session's name, or the peer's."""


def told(cause: Cause, why: str = "") -> str:
    """The end in words, with the evidence of it where there is any."""
    return f"{ENDED[cause]}: {why}" if why else ENDED[cause]


def asked(cause: Cause, by: str) -> str:
    """Why a session is being ended."""
    match cause:
        case Cause.OPERATOR_STOP:
            return f"{by} ends it"
        case Cause.RESTART:
            return f"{by} wants a fresh session"
        case Cause.REMOVED:
            return f"{by} removes the peer"
        case Cause.LEFT:
            return "it leaves"
        case _:
            return f"it {ENDED[cause]}"


def of_another(name: str) -> str:
    """Why a session cannot join by a name that another conversation had first, and how a person frees it."""
    free = f"`roost rename {name} OTHER`, from a terminal of yours, frees it"
    return f"'{name}' is the name of another conversation; join by another name, or {free}"


def only_run(name: str) -> str:
    """Why a peer is not woken, and how it comes up."""
    return (
        f"'{name}' runs in a terminal of a person's own (wake=never): start it there with `roost run {name}`"
    )
