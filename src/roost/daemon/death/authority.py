"""The one place that ends sessions.

Look up, check the state, ask the guards (`guards.py`), verify identity, ask politely, wait, end the tree,
verify. The intent was committed with the decision. The reaper tells the death, once, whoever noticed it
first.
"""

import asyncio
import logging
import signal
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from roost.core.vocabulary.commands import Clear
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.phrases import THEIRS
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race
from roost.daemon.state.threads import HungError
from roost.host.errors import SensorError
from roost.host.files import write_atomic

POLITE = 8.0
"""Seconds for an agent to leave after the shim has asked it; the shim itself kills after five."""
TREE = 3.0
"""Seconds for killed processes to vanish."""
LOOK = 0.02

_log = logging.getLogger("roost.authority")


class Swept(Struct, frozen=True):
    """What came of clearing a session's tree: how many were killed, who is left, what could not be seen."""

    killed: int
    left: tuple[ProcessId, ...] = ()
    problem: str | None = None

    @property
    def empty(self) -> bool:
        """Whether the tree was seen to be empty: what cannot be seen is not taken for empty."""
        return not self.left and self.problem is None

    def __str__(self) -> str:
        """The result in words."""
        if self.problem is not None:
            return self.problem
        if self.left:
            return f"still there: {', '.join(str(process.pid) for process in self.left)}"
        return (
            f"its tree is empty ({self.killed} processes had to be killed)"
            if self.killed
            else "its tree is empty"
        )


class Authority:
    """Ends sessions through their shim, and whatever outlives it through verified identities."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Act on this machine."""
        self._machine = machine
        self._fleet = fleet

    def stands(self, session: Session) -> bool:
        """Whether this very session is still the one to end (compare-and-set against the fleet)."""
        state = self._fleet.find(session.peer)
        current = state.find_session(session.id) if state else None
        return current is not None and current.state is SessionState.STOPPING

    async def end(self, session: Session) -> str:
        """Ask the session's shim to end it; returns what was seen. What is left the reaper clears.

        One that runs in another roost, whose store this one is a copy of, is let go of: nothing is signalled.
        """
        if session.processes is not None:
            theirs = await self._machine.work.processes.run(self._theirs, session.processes.shim)
            if theirs is not None:
                return f"{THEIRS} {theirs}, and was left to that"
        teardown = self._machine.places.session(session.id) / "teardown"
        try:
            await self._machine.work.files.run(_mark, teardown)
        except OSError as error:  # it only tells the shim what to write down
            _log.warning("the end of session %s cannot be announced: %s", session.id, error.strerror)
        if session.processes is None:
            return "nothing of it was known to run"
        if await self._ask(session.processes.shim, signal.SIGTERM, POLITE):
            return "the shim was asked and left"
        return "the shim did not leave when asked"

    async def _ask(self, process: ProcessId, signum: signal.Signals, seconds: float) -> bool:
        """Signal one process by its identity and wait for its end by event; True when it is gone."""
        gone = asyncio.Event()
        try:
            watch = self._machine.processes.watch(process, gone.set)
        except SensorError:
            return False
        try:
            self._machine.processes.signal(process, signum)
            self._machine.processes.signal(process, signal.SIGCONT)  # somebody may have stopped it
            return await self._within(gone, seconds)
        except (SensorError, PermissionError):
            return False
        finally:
            watch.cancel()

    async def _within(self, event: asyncio.Event, seconds: float) -> bool:
        await race(event.wait(), self._machine.clock.sleep(seconds))
        return event.is_set()

    async def clear(self, leftovers: Clear) -> Swept:
        """End every process that carries the session's marker or descends from its root, and verify (N7)."""
        killed = 0
        deadline = self._machine.clock.monotonic() + TREE
        while True:
            left: list[ProcessId] = []
            problem = None
            try:
                left = await self._machine.work.processes.run(self._tree, leftovers)
            except (SensorError, HungError) as error:
                problem = f"the process table cannot be read: {error}"
            late = self._machine.clock.monotonic() >= deadline
            if late or not (left or problem):
                return Swept(killed, tuple(left), problem)
            killed += self._kill(left)
            await self._machine.clock.sleep(LOOK)

    def _tree(self, leftovers: Clear) -> list[ProcessId]:
        home = str(self._machine.places.home)
        root = leftovers.root if leftovers.root is None or self._theirs(leftovers.root) is None else None
        return self._machine.processes.tree(root, leftovers.session, leftovers.nonce, home)

    def _theirs(self, process: ProcessId) -> str | None:
        """Blocking: the other home that a process belongs to; one that is gone was moved here."""
        marker = self._machine.processes.environ_marker(process.pid)
        home = marker.home if marker is not None else None
        if not home or home == str(self._machine.places.home):
            return None
        try:
            return None if Path(home).samefile(self._machine.places.home) else home
        except OSError:
            return None

    def _kill(self, processes: Iterable[ProcessId]) -> int:
        count = 0
        for process in processes:
            try:
                count += self._machine.processes.signal(process, signal.SIGKILL)
            except (SensorError, PermissionError):
                continue
        return count


def _mark(path: Path) -> None:
    """Blocking: say that the coming end of the server is deliberate."""
    if path.parent.is_dir():
        write_atomic(path, b"")
