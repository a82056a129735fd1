"""The tmux server above us, whose end is the end of our terminal."""

from __future__ import annotations

import os
import select

from .machine import identity


class Nobody:
    """In a person's own terminal nothing of ours is above: its end is told by SIGHUP, as to any program."""

    pid = 0
    identity = None

    def watch(self, poll: select.poll) -> None:
        """Nothing to watch."""

    def gone(self) -> bool:
        """It cannot go."""
        return False

    def poll(self, milliseconds: int) -> None:
        """Wait for so long."""
        select.poll().poll(milliseconds)


class Server:
    """Our parent at the start."""

    def __init__(self) -> None:
        self.pid = os.getppid()
        self.identity = identity(self.pid)
        self.handle = -1

    def watch(self, poll: select.poll) -> None:
        """Let its end wake `poll`, where the machine can."""
        if hasattr(os, "pidfd_open"):
            try:
                self.handle = os.pidfd_open(self.pid)
                poll.register(self.handle, select.POLLIN)
            except OSError:
                self.handle = -1

    def gone(self) -> bool:
        """Whether it has ended."""
        if self.handle >= 0:
            return bool(self.poll(0))
        return os.getppid() != self.pid

    def poll(self, milliseconds: int) -> list[tuple[int, int]]:
        """Wait for its end at most so long; without a handle, so long."""
        probe = select.poll()
        if self.handle >= 0:
            probe.register(self.handle, select.POLLIN)
        return probe.poll(milliseconds)
