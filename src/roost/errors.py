"""Every error that roost raises on purpose.

The docstring of a class is its default sentence. A message says what happened and what to do next; facts
travel as attributes. The command line prints the message in one line and ends with `exit_code`.
"""

from __future__ import annotations

import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

_CURES = {
    errno.EDQUOT: "free some of your quota",
    errno.ENOSPC: "free some space or some files (`df -h; df -i`)",
    errno.EROFS: "mount it for writing (`mount -o remount,rw`)",
}

BUSY = 75
"""The exit code of a pass or a restore that did not get the daemon's lock: ask again (sysexits.h)."""


def in_words(error: OSError, place: object) -> str:
    """An error of the system that met our files, where it names none those at `place`, and what to do."""
    cure = _CURES.get(error.errno or 0, "see to its permissions")
    return f"{error.strerror or error}: {error.filename or place}; {cure}, then try again"


class RoostError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str | None = None, **facts: object) -> None:
        """Take the sentence to show (default: the class's docstring) and the facts behind it."""
        self.message = message or (type(self).__doc__ or "").removesuffix(".")
        self.facts = facts
        super().__init__(self.message)


class UsageError(RoostError):
    """The command does not make sense as written."""

    code = "usage"
    exit_code = 2


class InvalidNameError(UsageError):
    """A peer name must match ^[a-z][a-z0-9-]{0,31}$."""

    code = "invalid-name"


class InvalidSettingError(UsageError):
    """A setting has a value that it cannot take."""

    code = "invalid-setting"


class WaitTimeoutError(RoostError):
    """The wait ran out; the message stays where it is."""

    code = "timeout"
    exit_code = 3


class NotFoundError(RoostError):
    """No such peer or message."""

    code = "not-found"
    exit_code = 4


class NoDaemonError(RoostError):
    """The daemon is not running; start it with `roost up`."""

    code = "no-daemon"
    exit_code = 5


class RefusedError(RoostError):
    """The request was refused."""

    code = "refused"


class QueueFullError(RefusedError):
    """The recipient's queue is full."""

    code = "queue-full"


class ChainLimitError(RefusedError):
    """Too many messages went between agents without a person's word."""

    code = "chain-limit"


class ConfigError(RoostError):
    """The configuration file cannot be used."""

    code = "config"


class StoreError(RoostError):
    """The store cannot be used."""

    code = "store"


class HostError(RoostError):
    """The machine refused something that roost needs."""

    code = "host"


class RuntimeMissingError(RoostError):
    """The program of this runtime is not installed."""

    code = "runtime-missing"


class DeniedError(RoostError):
    """The token is missing, wrong, or belongs to a session that has ended."""

    code = "denied"
