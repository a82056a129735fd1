"""The process that the daemon keeps: it has a fork ready for the next caller, and knows how each ends."""

from __future__ import annotations

import gc
import os
import select
import signal
import time

from roost.cli.catalog import MODULES, PYTHONS, find
from roost.cli.door.code import Code
from roost.cli.door.command import serve
from roost.cli.door.facts import Facts
from roost.cli.door.link import KILLED, NO, say
from roost.cli.door.listener import Listener
from roost.cli.door.rehearsal import rehearse
from roost.cli.door.spare import Spare, take_caller

TYPE_CHECKING = False
if TYPE_CHECKING:
    from socket import socket
    from typing import NoReturn

MOST = 64
"""Commands at a time; who comes then is told to be Python itself."""
LOOK = 1.0
"""Seconds between two looks whether callers still find our socket, and our code is what they would start."""
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
        self._code = Code()
        self._running: dict[int, socket] = {}
        self._spare: Spare | None = None
        self._listener = Listener(run)

    def run(self) -> None:
        """Serve."""
        told, tells = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, _wake)
        signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
        gc.collect()
        gc.freeze()
        self._prepare()
        look = 0.0
        while True:
            # Who comes is taken by the fork that is ready. Only where there is none we look for callers.
            spare = self._spare
            come = (spare or self._listener.socket).fileno()
            ready = _readable(told, come)
            ended = told in ready and self._reap(told)
            if come in ready and spare is self._spare:
                self._hear()
            elif ended or not ready:
                # Nobody waits for us now.
                if time.monotonic() >= look:
                    if not (self._listener.is_found() and self._code.is_current()):
                        return
                    look = time.monotonic() + LOOK
                self._prepare()

    def _hear(self) -> None:
        """The fork that was ready has a caller, or has ended; or somebody has come for whom none is ready."""
        if self._spare is not None:
            process, caller = self._spare.process, self._spare.caller()
            self._spare = None
            if caller is not None:
                self._running[process] = caller
            return
        self._prepare()
        if self._spare is None and (caller := self._listener.take()):
            _refuse(caller)

    def _prepare(self) -> None:
        """Fork for the next caller, if there is none yet and there is room for one."""
        if self._spare is not None or len(self._running) >= MOST:
            return
        try:
            self._spare = Spare(self._serve)
        except OSError:  # there is no room: who comes is Python itself
            return

    def _serve(self, parent: socket) -> NoReturn:
        """Be the fork for the caller that comes, if one comes before our parent ends."""
        for other in self._running.values():
            other.close()
        caller = take_caller(self._listener, parent, lambda: rehearse(self._home, self._facts))
        serve(caller, self._facts)

    def _reap(self, told: int) -> bool:
        """Tell callers of commands that were killed; all others have said themselves how they end.

        Whether a command has ended; what only was ready for one and has ended is not replaced at once.
        """
        os.read(told, 4096)
        ended = False
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if not child:
                return ended
            if self._spare is not None and child == self._spare.process:
                self._hear()
            caller = self._running.pop(child, None)
            if caller is not None:
                ended = True
                _part(caller, status)


def _readable(*descriptors: int) -> set[int]:
    """Those on which something has come, once it has, or after a while."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(LOOK * 1000)}


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
