"""The first process of a container: it takes all that ends in there and that nobody else asks for.

Each session leaves some such processes, those of its terminal's server: they outlive who started them. Where
nobody takes them, they stay as zombies until the container has room for no other process.
"""

import os
import signal
from collections.abc import Iterable, Sequence
from typing import NoReturn

FORWARDED = frozenset(
    {signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2}
)
"""What is handed on to the program: a container's end comes as one of these."""


def run(command: Sequence[str]) -> NoReturn:
    """Run a program as our child, and end with its exit code, or with 128 and the signal that ended it.

    It gets the signals that are sent to us. What else is left to us is taken as it ends.
    """
    waited = FORWARDED | {signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, waited)
    child = os.fork()
    if child == 0:
        _become(command, before)
    while True:
        number = signal.sigwait(waited)
        if number != signal.SIGCHLD:
            os.kill(child, number)  # noqa: TID251 -- a child that nobody but us takes: its pid is its own
        elif (code := _take_ended(child)) is not None:
            os._exit(code)


def _become(command: Sequence[str], mask: Iterable[int]) -> NoReturn:
    """In the child, whose group of its own has the terminal: Ctrl-C would come to it twice else."""
    try:
        os.setpgid(0, 0)
        if os.isatty(0):
            signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # in the background until it has it
            os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    except OSError:
        pass  # it is not our terminal
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        os.execv(command[0], list(command))  # noqa: S606 -- no shell is wanted
    finally:
        os._exit(127)


def _take_ended(child: int) -> int | None:
    """Take all that have ended; the exit code to end with where the child is one of them."""
    code = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return code
        if pid == 0:
            return code
        if pid == child:
            ended = os.waitstatus_to_exitcode(status)
            code = ended if ended >= 0 else 128 - ended
