"""What ended a launch, or another effect: in words, and who is to blame for it."""

import errno
import os
import resource
import sys
from pathlib import Path

from roost.core.vocabulary.blame import Blame
from roost.errors import InvalidSettingError, RoostError, RuntimeMissingError
from roost.host.process_limit import process_limit
from roost.host.shim_spec import SHIM

REPLACED = "roost's program was replaced while it ran: `roost down`, then `roost up`"
_SHORT = {
    errno.EAGAIN: "this machine starts no more processes for now",
    errno.EDQUOT: "the disk quota is used up",
    errno.EIO: "a disk fails",
    errno.EMFILE: "roost may not open more files",
    errno.ENFILE: "this machine opens no more files for now",
    errno.ENOMEM: "this machine has no memory left",
    errno.ENOSPC: "a disk is full, or has no inodes left",
    errno.EROFS: "a file system is read-only",
}
"""Errors that tell of the machine, whoever meets them."""
_OURS = 24
_EACH = 12
_LIVING = 5
"""Open files that the daemon keeps for its other work, that a launch takes while it runs, and that stay."""
_FILES = Path("/dev/fd")
TASKS = 32
"""Processes and threads that a session may take: terminal, shim, agent and what that starts at once."""


class LaunchError(RoostError):
    """The session could not be started."""

    def __init__(self, message: str, blame: Blame) -> None:
        """Say what happened, and who caused it."""
        super().__init__(message)
        self.blame = blame


def judged(error: BaseException) -> LaunchError:
    """The error that ended an effect as one that says who caused it.

    Nothing counts against a peer but what its own program did. Where our own program is gone, that is the
    cause of whatever else went wrong.
    """
    if isinstance(error, LaunchError) and error.blame is Blame.PROGRAM:
        return error
    if gone():
        return LaunchError(REPLACED, Blame.ROOST)
    if isinstance(error, LaunchError):
        return error
    if isinstance(error, RuntimeMissingError | InvalidSettingError):
        return LaunchError(error.message, Blame.SETUP)
    if isinstance(error, RoostError):
        return LaunchError(error.message, Blame.HOST)
    if isinstance(error, OSError):
        return LaunchError(_reason(error), Blame.HOST)
    if isinstance(error, MemoryError):
        return LaunchError(_SHORT[errno.ENOMEM], Blame.HOST)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return LaunchError(f"{_SHORT[errno.EAGAIN]}: no new thread", Blame.HOST)
    if isinstance(error, ImportError):
        return LaunchError(f"{REPLACED} ({error})", Blame.ROOST)
    return LaunchError(f"a defect of the daemon ({type(error).__name__}); its log tells more", Blame.ROOST)


def not_run(why: str, number: int | None) -> LaunchError:
    """What a shim told: the agent's program did not run, with this error of the system."""
    if number in _SHORT:
        return LaunchError(f"{_SHORT[number]}: {why}", Blame.HOST)
    if number == errno.ENOEXEC:
        why = f"{why}; it has no `#!` line, or is for another kind of machine"
    return LaunchError(why, Blame.SETUP)


def _reason(error: OSError) -> str:
    """An error of the system in words."""
    told = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    short = _SHORT.get(error.errno or 0)
    return f"{short}: {told}" if short is not None else told


def gone() -> bool:
    """Blocking: whether what starts our shims is not there any more."""
    return not (os.access(sys.executable, os.X_OK) and SHIM.exists() and SHIM.with_name("shimlib").is_dir())


def room(sessions: int) -> tuple[int | None, int | None]:
    """The limit of open files, and how many sessions fit beside each other; None, None: there is no limit."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return None, None
    left = limit - len(os.listdir(_FILES)) - _OURS - _EACH  # noqa: PTH208 -- numbers alone
    return limit, max(sessions + left // _LIVING, 0)


def check_room(sessions: int, launching: int) -> None:
    """Raise LaunchError unless one more launch, beside those that run, leaves us files and processes.

    At the limit itself nothing works any more, whichever peer it is for; and an agent's program that can
    start no thread ends as if it were to blame.
    """
    room = process_limit()
    if room is not None and room.left < TASKS * (launching + 1):
        raise LaunchError(f"{sessions} sessions live and too few processes are left: {room}", Blame.HOST)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return
    if len(os.listdir(_FILES)) + _EACH * (launching + 1) + _OURS > limit:  # noqa: PTH208 -- numbers alone
        raise LaunchError(
            f"{sessions} sessions live and {_SHORT[errno.EMFILE]} (limit {limit});"
            " end one, or raise the limit (`ulimit -n`, LimitNOFILE=)",
            Blame.HOST,
        )
