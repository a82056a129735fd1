"""How a session ended, as a person says it."""

from roost.core.session import Cause

ENDED = {
    Cause.IDLE_SLEEP: "was put to sleep",
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
    Cause.UNKNOWN: "ended, it is not known why",
}
"""What follows the session's name, or the peer's."""


def told(cause: Cause, why: str = "") -> str:
    """The end in words, with the evidence of it where there is any."""
    return f"{ENDED[cause]}: {why}" if why else ENDED[cause]
