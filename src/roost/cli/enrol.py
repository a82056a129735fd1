"""What a host does to enter a fleet or to leave it: a process apart, since it needs the daemon's packages."""

import json
import subprocess
import sys

from roost.cli.app import App
from roost.client.connection import Answer, Record, RemoteError
from roost.errors import DeniedError, RoostError

_SECONDS = 120.0


def enrol(app: App, action: str, params: Record) -> Answer:
    """What came of it. Raises RoostError. The parameters go by standard input: they hold secrets."""
    if app.token is not None and action != "show":
        raise DeniedError("an agent cannot do that; ask the person who runs this machine")
    home = ["--home", app.chosen_home] if app.chosen_home else []
    words = [sys.executable, "-P", "-m", "roost.daemon.enrol", *home, action]
    try:
        done = subprocess.run(
            words, input=json.dumps(params), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RoostError(f"it has not ended after {_SECONDS:g} s; try again") from error
    try:
        answer: Record = json.loads(done.stdout)
    except ValueError:
        why = done.stderr.strip().rpartition("\n")[2]
        raise RoostError(why or "it failed; `roost doctor` looks for the reason") from None
    if "error" in answer:
        raise RemoteError(answer["error"])
    return answer["result"]
