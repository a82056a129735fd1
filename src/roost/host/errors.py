"""Errors of the host layer."""

from roost.errors import HostError


class SensorError(HostError):
    """The state of a process cannot be read, so nothing is known about it."""


class TmuxError(HostError):
    """tmux refused a command."""


class TmuxTimeout(TmuxError):
    """tmux did not answer in time; whether the command ran is unknown."""


class TmuxGone(TmuxError):
    """The connection to the tmux server ended; the agent in it may still be alive."""


class PasteRefused(TmuxError):
    """Nothing was pasted, for certain; it may be tried again."""


class PaneInMode(TmuxError):
    """A mode of tmux takes the keys in place of the program; no key was pressed."""


class TmuxMissing(TmuxError):
    """tmux is not installed or too old; install tmux 3.3 or later."""


class UnsafeDirectory(HostError):
    """A private directory is a link, belongs to another user, or cannot be made private."""


class CarrierGone(HostError):
    """Other hosts cannot be reached now."""


class CarrierRefused(CarrierGone):
    """What carries to other hosts is reached, and takes nothing for this one now."""


class ForgedError(HostError):
    """Something is not from whom it says it is from."""
