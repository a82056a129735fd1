"""Which process of a session is Claude Code: its agent, or a child where the agent is a wrapper (2.1.332).

A script or a version manager's shim named `claude` may start the program as a child and wait for it. The
status file is named after the child's pid then. A Claude Code that the agent has started by a tool is not
meant: ours stands above it, nearer to the agent, and has the terminal.
"""

import time
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from roost.core.vocabulary.identity import ProcessId
from roost.runtimes.lines import status_files, whole_number

_PROC = Path("/proc")
_PPID, _TTY, _START = 1, 4, 19
"""Positions after the command name (proc(5))."""
AGAIN = 1.0
"""Seconds between two searches: there is no status file in a start-up dialog either."""
_DEEPEST = 32


class _Row(NamedTuple):
    """A process: its parent, its terminal, and when it was started."""

    parent: int
    terminal: int
    start: int


class ClaudeProcess:
    """Finds the process whose status file is the session's; `pid` and `start` are it."""

    def __init__(self, sessions: Path, agent: ProcessId | None, proc: Path = _PROC) -> None:
        """Begin with the agent itself. `sessions`: the folder of the status files."""
        self._sessions = sessions
        self._agent = agent
        self._proc = proc
        self._next = 0.0
        self.pid, self.start = (agent.pid, agent.start) if agent is not None else (0, 0)

    def seek(self, conversation: str, folders: Container[object]) -> None:
        """Blocking: where the known one has no status file, look below the agent, now and then.

        It is the nearest to the agent, and has this conversation, or works in one of these folders.
        """
        agent, now = self._agent, time.monotonic()
        if agent is None or self._stands(agent) or now < self._next:
            return
        self._next = now + AGAIN
        self.pid, self.start = self._below(agent, conversation, folders) or (agent.pid, agent.start)

    def _stands(self, agent: ProcessId) -> bool:
        """Whether the known one has its file; that of a killed one stays behind."""
        if not (self._sessions / f"{self.pid}.json").exists():
            return False
        return self.pid == agent.pid or self._runs(self.pid, self.start)

    def _below(
        self, agent: ProcessId, conversation: str, folders: Container[object]
    ) -> tuple[int, int] | None:
        if not self._runs(agent.pid, agent.start):
            return None
        below = [
            (steps, said.get("sessionId") != conversation, pid, start, said.get("cwd") in folders)
            for pid, start, said in self._told()
            if (steps := self._steps(agent, pid, start))
        ]
        if not below:
            return None
        _, other, pid, start, here = min(below)
        return (pid, start) if here or not other else None

    def _told(self) -> Iterator[tuple[int, int, Mapping[str, Any]]]:
        """The processes that have status files."""
        for said in status_files(self._sessions):
            pid, start = whole_number(said.get("pid")), whole_number(said.get("procStart"))
            if pid is not None and start is not None:
                yield pid, start, said

    def _steps(self, agent: ProcessId, pid: int, start: int) -> int:
        """How far below the agent that very process is, in the agent's terminal; 0: it is not."""
        first, row, steps = self._row(agent.pid), self._row(pid), 0
        if first is None or row is None or row.start != start or row.terminal != first.terminal:
            return 0
        while row is not None and steps < _DEEPEST:
            steps += 1
            if row.parent == agent.pid:
                return steps
            row = self._row(row.parent)
        return 0

    def _runs(self, pid: int, start: int) -> bool:
        row = self._row(pid)
        return row is not None and row.start == start

    def _row(self, pid: int) -> _Row | None:
        try:
            fields = (self._proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            return _Row(int(fields[_PPID]), int(fields[_TTY]), int(fields[_START]))
        except (OSError, IndexError, ValueError):
            return None
