"""The agent as a job of a person's own shell: in its foreground and out of it, stopped and continued.

To the shell we are the program: it stops and continues our process group, and waits for us. The agent has a
group of its own, so that what the shell sends to ours and what the terminal's keys send to the agent's cannot
come twice. What is done to one of the two groups is done to the other.
"""

from __future__ import annotations

import os

from .agent import Agent
from .machine import signal, stat_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .wakeups import Wakeups

# What a shell or a person sends to the program that they see, which is us.
FORWARDED = (
    signal.SIGHUP,
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTSTP,
)
# Python itself ignores these: nobody asked for it.
_PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}
# In /proc/<pid>/stat after the command name.
_PARENT, _GROUP, _SESSION = 1, 2, 3


class Job(Agent):
    """The agent in a terminal of a person's own."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec)
        self.group = os.getpgrp()
        try:
            self.terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError:
            self.terminal = -1
        kept = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - _PYTHONS
        self.ignored = {number for number in kept if signal.getsignal(number) == signal.SIG_IGN}

    def take_signals(self, wakeups: Wakeups) -> None:
        """Take what is sent to us as events; what was to be ignored stays ignored."""
        for number in (*FORWARDED, signal.SIGCONT):
            signal.signal(number, wakeups.note_signal)
        for number in self.ignored - {signal.SIGCHLD, signal.SIGCONT}:
            signal.signal(number, signal.SIG_IGN)

    def _take_place(self) -> None:
        os.setpgid(0, 0)
        if self.has_terminal():
            self.give_terminal(os.getpid())

    def has_terminal(self) -> bool:
        """Whether our own group is in the terminal's foreground."""
        return self._foreground() == self.group

    def give_terminal(self, group: int) -> None:
        """Put a group into the terminal's foreground. SIGTTOU must be ignored or blocked."""
        try:
            if self.terminal >= 0:
                os.tcsetpgrp(self.terminal, group)
        except OSError:
            pass

    def _foreground(self) -> int:
        try:
            return os.tcgetpgrp(self.terminal) if self.terminal >= 0 else -1
        except OSError:
            return -1

    def pass_on(self, wakeups: Wakeups) -> None:
        """Do to the agent what was done to us since the last time."""
        for number in FORWARDED:
            if number in wakeups.asked:
                wakeups.asked.discard(number)
                self.signal_group(number)
        if signal.SIGCONT in wakeups.asked:
            self._continue(wakeups)

    def _continue(self, wakeups: Wakeups) -> None:
        """Our shell has continued us, in the foreground or not."""
        wakeups.asked.discard(signal.SIGCONT)
        if self.has_terminal():
            self.give_terminal(self.pid)
        self.signal_group(signal.SIGCONT)

    def _resume(self, stop: int) -> None:
        """The agent has stopped: so do we, and our shell takes the terminal. It continues both of us."""
        by_key = self._foreground() == self.pid
        if by_key:
            self.give_terminal(self.group)
        if self._no_shell():
            if by_key:
                self.give_terminal(self.pid)
            if stop != signal.SIGSTOP:  # as the system does with a program that no shell would continue
                self.signal_group(signal.SIGCONT)
            return
        before = signal.getsignal(stop) if stop != signal.SIGSTOP else None
        if before is not None:
            signal.signal(stop, signal.SIG_DFL)
        # Others of our group, as in a pipeline, stop by the same key.
        if by_key and stop == signal.SIGTSTP:
            os.killpg(self.group, stop)
        else:
            os.kill(os.getpid(), stop)
        if before is not None:
            signal.signal(stop, before)

    def _no_shell(self) -> bool:
        """Whether nobody above us in our terminal's session would continue us (an orphaned group)."""
        leader = stat_fields(self.group) or stat_fields(os.getpid())
        parent = stat_fields(int(leader[_PARENT])) if len(leader) > _SESSION else []
        if len(parent) <= _SESSION:
            return False
        return parent[_SESSION] != leader[_SESSION] or parent[_GROUP] == leader[_GROUP]

    def leave_terminal(self) -> bool:
        """The agent has ended: our group is in the foreground again. Whether the agent's was."""
        had = self._foreground() == self.pid
        if had:
            self.give_terminal(self.group)
        return had
