"""Questions to a service manager's own program, bounded in time."""

import subprocess
from collections.abc import Mapping, Sequence

from roost.errors import RoostError

ASK_SECONDS = 10.0
"""How long a service manager may take to answer a question."""
START_SECONDS = 90.0
"""How long it may take to start or stop the daemon."""
_NO_ANSWER = 124
_NOT_RUN = 127


class ServiceError(RoostError):
    """The service manager refused."""

    code = "service"


def ask(
    command: Sequence[str], environ: Mapping[str, str], seconds: float = ASK_SECONDS
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; one that hangs or cannot be run ends with a code above 123 and says why."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environ,
            timeout=seconds,
            check=False,
            text=True,
            errors="replace",
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, _NO_ANSWER, "", f"no answer within {seconds:g} s")
    except OSError as error:
        return subprocess.CompletedProcess(command, _NOT_RUN, "", str(error))
