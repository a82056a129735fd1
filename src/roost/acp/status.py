"""The status file: what the session does now, for whoever looks from outside; replaced at each change."""

import contextlib
import json
import os

from roost.acp.loop import Loop
from roost.console.process import start_ticks

STARTING = "starting"
IDLE = "idle"
BUSY = "busy"
WAITING = "waiting"
_AGAIN = 1.0
"""Seconds until a file that could not be written is tried again."""


class Status:
    """`<folder>/status/<pid>.json`."""

    def __init__(self, loop: Loop, folder: str, session: str) -> None:
        """Nothing is written before the first `show`."""
        self._loop = loop
        self._path = os.path.join(folder, "status", f"{os.getpid()}.json")
        self._facts: dict[str, object] = {"session": session, "pid": os.getpid(), "start": start_ticks()}
        self._written: dict[str, object] = {}
        self._waits = False

    def show(self, **facts: object) -> None:
        """Let these facts be so from now on: `state`, `question`, `asks`, `conversation`, `note` ..."""
        self._facts |= facts
        self._write()

    def remove(self) -> None:
        """Remove the file: the program leaves."""
        for path in (self._path, f"{self._path}.new"):
            with contextlib.suppress(OSError):
                os.unlink(path)

    def _write(self) -> None:
        if self._facts == self._written:
            return
        try:
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            temporary = f"{self._path}.new"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                content = json.dumps(self._facts).encode()
                if os.write(descriptor, content) != len(content):
                    raise OSError("the disk took a part of it")
            finally:
                os.close(descriptor)
            os.replace(temporary, self._path)
        except OSError:
            if not self._waits:
                self._waits = True
                self._loop.after(_AGAIN, self._try_again)
            return
        self._written = dict(self._facts)

    def _try_again(self) -> None:
        self._waits = False
        self._write()
