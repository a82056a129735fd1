"""Asking what is on disk while the daemon is down, where that takes more than the store: a process apart."""

import json
import subprocess
import sys
from collections.abc import Callable

from roost.cli.app import App
from roost.cli.output import warn
from roost.client.connection import DOWN, Answer, Record, RemoteError
from roost.errors import NoDaemonError, RoostError


def ask(app: App, method: str, params: Record, on_event: Callable[[Record], None] | None = None) -> Answer:
    """The answer of the daemon, else of what is on disk. Raises RoostError."""
    try:
        return app.call(method, params, on_event=on_event, patience=None)
    except NoDaemonError:
        if params.get("follow"):
            raise
    return _read(app, method, params, on_event)


def _read(app: App, method: str, params: Record, on_event: Callable[[Record], None] | None) -> Answer:
    if not app.places.database.exists():
        raise RoostError(f"{DOWN} and has not stored anything here yet; `roost up` starts it")
    home = ["--home", app.chosen_home] if app.chosen_home else []
    words = [sys.executable, "-P", "-m", "roost.daemon.read_only", *home, "--", method, json.dumps(params)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None  # noqa: S101 -- a pipe
        assert process.stderr is not None  # noqa: S101 -- a pipe
        try:
            for line in process.stdout:
                answer: Record = json.loads(line)
                if "event" in answer:
                    if on_event is not None:
                        on_event(answer["event"])
                    continue
                if "error" in answer:
                    raise RemoteError(answer["error"])
                for note in answer.get("notes") or ():
                    warn(str(note))
                warn(f"{DOWN}; this is what is on disk")
                return answer.get("result")
            why = process.stderr.read().decode(errors="replace").strip().rpartition("\n")[2]
        finally:
            process.kill()
    raise RoostError(why or "it failed; `roost doctor` looks for the reason")
