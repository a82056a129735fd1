"""The fork that is ready for the next caller, and takes it itself: nobody hands a caller on."""

from __future__ import annotations

import os
import select
from socket import recv_fds, send_fds, socket, socketpair

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from roost.cli.door.listener import Listener


class Spare:
    """It, as the process that listens sees it: readable once it has taken a caller, or has ended."""

    def __init__(self, serve: Callable[[socket], NoReturn]) -> None:
        """Fork; the fork is at `serve`, with the other end of our connection. Raises OSError."""
        self._ours, theirs = socketpair()
        try:
            self.process = os.fork()
        except OSError:
            self._ours.close()
            theirs.close()
            raise
        if not self.process:
            try:
                self._ours.close()
                serve(theirs)
            finally:
                os._exit(1)  # whatever happened: there is one process that listens
        theirs.close()

    def fileno(self) -> int:
        """The descriptor to wait at."""
        return self._ours.fileno()

    def caller(self) -> socket | None:
        """The caller that it has taken; None: it has ended without one. Then it is a spare no longer."""
        with self._ours:
            try:
                _, handed, _, _ = recv_fds(self._ours, 1, 1)
            except OSError:
                return None
        return socket(fileno=handed[0]) if handed else None


def take_caller(listener: Listener, parent: socket, rehearse: Callable[[], None]) -> socket:
    """The next caller, of whom the parent is told; rehearses if nobody waits yet. Ends with the parent.

    Raises OSError.
    """
    poll = select.poll()
    poll.register(listener.socket, select.POLLIN)
    poll.register(parent, select.POLLIN)
    if not poll.poll(0):
        rehearse()
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if parent.fileno() in ready:
            os._exit(0)
        caller = listener.take()
        if caller is None:
            continue
        send_fds(parent, [b"."], [caller.fileno()])
        parent.close()
        listener.socket.close()
        return caller
