"""The agent: a child of ours, with what else becomes our child."""

from __future__ import annotations

import os

from .child import Child
from .machine import children, signal, take_foreground

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Agent(Child):
    """One agent, in the terminal's foreground. `beside`: a child that is not reaped with the others."""

    def __init__(self, spec: dict[str, Any]) -> None:
        super().__init__(spec, spec["argv"])
        self.beside = 0

    def _take_place(self) -> None:
        os.setpgid(0, 0)
        take_foreground(os.getpid())

    def ended(self) -> bool:
        """As of any child; what else has ended of our children is reaped meanwhile."""
        over = super().ended()
        if not over:  # else the record comes first
            self._reap_others()
        return over

    def _reap_others(self) -> None:
        """Reap what has ended of our other children."""
        for pid in children(os.getpid()):
            if pid not in (self.pid, self.beside):
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def children_ended(self) -> bool:
        """Kill our children but the agent: as subreaper we get every descendant whose parent died.

        Unreaped children keep their pids, so these cannot be anyone else's.
        """
        self._reap_others()
        rest = [pid for pid in children(os.getpid()) if pid != self.pid]
        for pid in rest:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        return not rest
