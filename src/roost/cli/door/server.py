"""The process that the daemon keeps: it forks for each caller, and knows how each fork has ended."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
from socket import AF_UNIX, SOCK_STREAM, socket

from roost.cli.catalog import MODULES, PYTHONS, find
from roost.cli.door.command import serve
from roost.cli.door.facts import Facts
from roost.cli.door.link import KILLED, NO, say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

NAME = "door.sock"
MOST = 64
"""Commands at a time; who comes then is told to be Python itself."""
LOOK = 1.0
"""Seconds between two looks whether callers still find our socket, and our code is what they would start."""
_BACKLOG = 512
_USED = ("roost.cli.table", "datetime", "json", "re", "textwrap", "unicodedata")
"""What commands load when they run."""


class Door:
    """Listens in the folder of the sockets until callers do not find it, or its code is another."""

    def __init__(self, run: str) -> None:
        """Load the commands, then listen. Raises OSError."""
        for name in MODULES.keys() - PYTHONS:
            find(name)
        for name in _USED:
            __import__(name)
        self._facts = Facts("self")
        self._files = _files()
        self._code = _stamps(self._files)
        self._running: dict[int, socket] = {}
        self._path = f"{run}/{NAME}"
        self._listener = _listen(self._path)
        self._file = _file_at(self._path)

    def run(self) -> None:
        """Serve."""
        told, tells = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
        poll = select.poll()
        poll.register(self._listener, select.POLLIN)
        poll.register(told, select.POLLIN)
        gc.collect()
        gc.freeze()
        look = 0.0
        while True:
            if time.monotonic() >= look:
                if self._is_past():
                    return
                look = time.monotonic() + LOOK
            ready = {descriptor for descriptor, _ in poll.poll(LOOK * 1000)}
            if told in ready:
                os.read(told, 4096)
                self._reap()
            if self._listener.fileno() in ready:
                self._admit()

    def _is_past(self) -> bool:
        return _file_at(self._path) != self._file or _stamps(self._files) != self._code

    def _admit(self) -> None:
        """Fork for one caller; a fork never returns."""
        try:
            caller, _ = self._listener.accept()
            if len(self._running) >= MOST:
                say(caller, NO)
                caller.close()
                return
            child = os.fork()
        except OSError:  # who came has gone, or there is no room: it is Python itself
            return
        if child:
            self._running[child] = caller
            return
        try:
            self._serve(caller)
        finally:
            os._exit(1)  # whatever happened: there is one process that listens

    def _serve(self, caller: socket) -> NoReturn:
        """Be the fork for one caller."""
        self._listener.close()
        for other in self._running.values():
            other.close()
        serve(caller, self._facts)

    def _reap(self) -> None:
        """Tell callers of commands that were killed; all others have said themselves how they end."""
        while self._running:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                return
            with self._running.pop(child) as caller:
                if os.WIFSIGNALED(status):
                    try:
                        say(caller, KILLED, bytes([os.WTERMSIG(status)]))
                    except OSError:  # it has gone, and the command with it
                        continue


def _wake(_number: int, _frame: object) -> None:
    """A fork has ended; the descriptor that signals are told on says so."""


def _listen(path: str) -> socket:
    """A listening socket, 0600, in the place of any other."""
    listener = socket(AF_UNIX, SOCK_STREAM)
    before = os.umask(0o177)
    new = f"{path}.{os.getpid()}"
    listener.bind(new)
    os.umask(before)
    listener.listen(_BACKLOG)
    listener.setblocking(False)  # noqa: FBT003 -- its only argument
    os.rename(new, path)  # noqa: PTH104 -- pathlib is not loaded here
    return listener


def _file_at(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 -- as above
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _files() -> list[str]:
    """The files of our own that were loaded."""
    loaded = sorted(sys.modules.items())
    return [file for name, module in loaded if name.startswith("roost.") and (file := module.__file__)]


def _stamps(files: list[str]) -> list[tuple[int, int]]:
    """The files as they are now; empty when one of them is gone."""
    try:
        return [((found := os.stat(file)).st_mtime_ns, found.st_size) for file in files]  # noqa: PTH116 -- as above
    except OSError:
        return []
