"""The process that the daemon keeps: it has a fork for each caller, and knows how each has ended."""

from __future__ import annotations

import gc
import os
import select
import signal
import sys
import time
from socket import AF_UNIX, SOCK_STREAM, recv_fds, send_fds, socket, socketpair

from roost.cli.catalog import MODULES, PYTHONS, find
from roost.cli.door.command import serve
from roost.cli.door.facts import Facts
from roost.cli.door.link import KILLED, NO, say
from roost.cli.door.rehearsal import rehearse

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
        self._home = os.path.dirname(run)  # noqa: PTH120 -- pathlib is not loaded here
        self._facts = Facts("self")
        rehearse(self._home, self._facts)
        self._files = _files()
        self._code = _stamps(self._files)
        self._running: dict[int, socket] = {}
        self._spare: tuple[int, socket] | None = None
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
            ended = told in ready and self._reap(told)
            if self._listener.fileno() in ready:
                self._admit()
            elif self._spare is None and (ended or not ready):
                self._prepare()

    def _is_past(self) -> bool:
        return _file_at(self._path) != self._file or _stamps(self._files) != self._code

    def _admit(self) -> None:
        """Have a fork serve one caller."""
        try:
            caller, _ = self._listener.accept()
        except OSError:  # who came has gone
            return
        if len(self._running) >= MOST:
            _refuse(caller)
            return
        if self._spare is None:
            self._prepare()
        if self._spare is None:
            _refuse(caller)
            return
        (child, handle), self._spare = self._spare, None
        with handle:
            try:
                send_fds(handle, [b"."], [caller.fileno()])
            except OSError:  # somebody has killed it
                _refuse(caller)
                return
        self._running[child] = caller

    def _prepare(self) -> None:
        """Fork for the next caller, who then does not wait for that; a fork never returns."""
        ours, theirs = socketpair()
        try:
            child = os.fork()
        except OSError:  # there is no room: who comes is Python itself
            ours.close()
            theirs.close()
            return
        if child:
            theirs.close()
            self._spare = child, ours
            return
        try:
            ours.close()
            self._serve(theirs)
        finally:
            os._exit(1)  # whatever happened: there is one process that listens

    def _serve(self, handle: socket) -> NoReturn:
        """Be the fork for the caller that comes by this, if one comes before we end."""
        self._listener.close()
        for other in self._running.values():
            other.close()
        rehearse(self._home, self._facts)
        with handle:
            _, handed, _, _ = recv_fds(handle, 1, 1)
        if not handed:
            os._exit(0)
        serve(socket(fileno=handed[0]), self._facts)

    def _reap(self, told: int) -> bool:
        """Tell callers of commands that were killed; all others have said themselves how they end.

        Whether a command has ended; what only was ready for one and has ended is not replaced at once.
        """
        os.read(told, 4096)
        before = len(self._running)
        while self._running or self._spare is not None:
            child, status = os.waitpid(-1, os.WNOHANG)
            if not child:
                break
            if self._spare is not None and child == self._spare[0]:
                self._spare[1].close()
                self._spare = None
            caller = self._running.pop(child, None)
            if caller is not None:
                _part(caller, status)
        return len(self._running) < before


def _part(caller: socket, status: int) -> None:
    with caller:
        try:
            if os.WIFSIGNALED(status):
                say(caller, KILLED, bytes([os.WTERMSIG(status)]))
        except OSError:  # it has gone, and the command with it
            return


def _wake(_number: int, _frame: object) -> None:
    """A fork has ended; the descriptor that signals are told on says so."""


def _refuse(caller: socket) -> None:
    """Have it be Python itself."""
    with caller:
        try:
            say(caller, NO)
        except OSError:  # it has gone
            return


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
