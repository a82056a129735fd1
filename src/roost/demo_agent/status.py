"""The status file: what the agent is doing now, for whoever looks from outside."""

import contextlib
import json
import os

from roost.console.process import start_ticks


class Status:
    """`<state>/status/<pid>.json`, replaced atomically at each change."""

    __slots__ = ("_conversation", "_path", "_shown", "_start")

    def __init__(self, state: str, conversation: str) -> None:
        """Prepare the file's folder; nothing is written before the first `show`."""
        folder = os.path.join(state, "status")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._path = os.path.join(folder, f"{os.getpid()}.json")
        self._conversation = conversation
        self._start = start_ticks()
        self._shown = ("", "")

    def show(self, status: str, waiting_for: str = "") -> None:
        """Say that the agent is idle, busy or waiting (for `permission`)."""
        if self._shown == (status, waiting_for):
            return
        record = {
            "pid": os.getpid(),
            "start": self._start,
            "conversation": self._conversation,
            "status": status,
            "waiting_for": waiting_for or None,
        }
        temporary = f"{self._path}.new"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, json.dumps(record).encode())
        finally:
            os.close(descriptor)
        os.replace(temporary, self._path)
        self._shown = (status, waiting_for)

    def remove(self) -> None:
        """Remove the file: the agent leaves in order."""
        for path in (self._path, f"{self._path}.new"):
            with contextlib.suppress(OSError):
                os.unlink(path)
