"""A program in a session and process group of its own, on a pipe of ours."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress

_REAPED = 5.0
"""Seconds within which the kernel lets go of a killed process, unless its disk does not answer."""


def start_group(
    argv: Sequence[str], environ: Mapping[str, str], *, errors: bool = True
) -> subprocess.Popen[bytes]:
    """Blocking: start it in `/`, its stdin a pipe, its stdout going nowhere. Raises OSError.

    `errors`: its stderr is a pipe, too; else it is ours.
    """
    return subprocess.Popen(
        argv,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if errors else None,
        env=dict(environ),
        cwd="/",
        start_new_session=True,
    )


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill it with all that it has left in its group.

    As long as we have not read how it ended, its number cannot be another's.
    """
    if child.returncode is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


def reap(child: subprocess.Popen[bytes]) -> int | None:
    """Blocking: how a program ended that is over, or was killed (a negative signal); None: it stays."""
    with suppress(subprocess.TimeoutExpired):
        return child.wait(_REAPED)
    return None
