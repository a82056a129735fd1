"""What wakes the shim: signals, which it takes as events, and what else it polls."""

from __future__ import annotations

import os
import select
import time

from .machine import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class Wakeups:
    """Signals that were sent to us, and waiting for more."""

    def __init__(self) -> None:
        self.asked: set[int] = set()
        self.poll = select.poll()

    def take_signals(self) -> None:
        """Take signals as events from now on; those of the terminal's keys are for the agent alone."""
        reader, writer = os.pipe()
        for descriptor in (reader, writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.wakeup = reader
        self.poll.register(reader, select.POLLIN)
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, self.note_signal)
        signal.signal(signal.SIGCHLD, self.note_signal)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
            signal.signal(number, signal.SIG_IGN)

    def note_signal(self, number: int, _: object) -> None:
        """Remember a signal; its arrival also ends `wait`."""
        self.asked.add(number)

    def wait(self, seconds: float) -> bool:
        """Until something happened (True), or `seconds` went by."""
        events = self.poll.poll(int(seconds * 1000))
        try:
            while os.read(self.wakeup, 4096):
                pass
        except BlockingIOError:
            pass
        return bool(events)

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition` holds, at most `seconds`; what else was polled wakes us no more."""
        deadline = time.monotonic() + seconds
        self.poll = select.poll()
        self.poll.register(self.wakeup, select.POLLIN)
        while not condition() and (left := deadline - time.monotonic()) > 0:
            self.wait(min(left, 0.1))
