"""The lock that makes a daemon the only one of its home."""

import contextlib
import fcntl
import os
from pathlib import Path

from roost.errors import RoostError
from roost.host.files import write_atomic
from roost.local.paths import Places


class AlreadyRunningError(RoostError):
    """Another daemon is running here."""


def hold_lock(places: Places) -> int:
    """The descriptor of the lock that makes this daemon the only one; its pid is noted where it can be.

    Raises AlreadyRunningError.
    """
    descriptor = os.open(places.lock, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"a daemon is running already (pid {_holder(places.pid)}); see `roost status`"
        ) from error
    try:
        write_atomic(places.pid, f"{os.getpid()}\n".encode(), durable=False)
    except OSError:  # as on a full disk: what needs no disk goes on, and the store says more
        with contextlib.suppress(OSError):
            places.pid.unlink()
    return descriptor


def _holder(pid: Path) -> str:
    """Its process id; `?` in the moment before it has said so."""
    with contextlib.suppress(OSError):
        return pid.read_text("utf-8", "replace").strip() or "?"
    return "?"
