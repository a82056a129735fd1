"""A process table in memory: spawn, end, reuse pids, break sensors."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import SensorError
from roost.host.interfaces.processes import Liveness, Marker, Probe
from roost.host.interfaces.watch import Watch
from roost.host.process import judge
from roost.host.process_table import (
    NONCE_VARIABLE,
    SESSION_VARIABLE,
    ProcessRow,
    ancestors,
    members,
)

_UID = 1000
_ENDS = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT})


class _Process(Struct):
    row: ProcessRow
    marker: Marker | None
    ignores: frozenset[int] = frozenset()
    handler: Callable[[int], None] | None = None
    environ: Mapping[str, str] = field(default_factory=dict[str, str])


class Ending(Struct, frozen=True):
    """How a process ended: one of the two is set."""

    exit_code: int | None
    signal: int | None


class MemoryWatch:
    """A watch on a process in memory."""

    def __init__(self, callback: Callable[[], None]) -> None:
        """Hold the callback until `fire` or `cancel`."""
        self._loop = asyncio.get_running_loop()
        self._callback: Callable[[], None] | None = callback

    def fire(self) -> None:
        """Run the callback on the next turn, once."""
        self._loop.call_soon(self._run)

    def _run(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def cancel(self) -> None:
        """Drop the callback."""
        self._callback = None


class MemoryProcesses:
    """Twin of SystemProcesses.

    `broken` makes every look fail, as an unreadable /proc does; `blind` makes looks succeed and show nobody.
    """

    def __init__(self, boot: str = "00000000-0000-0000-0000-000000000001") -> None:
        """Start with an empty table on boot `boot`."""
        self.boot = boot
        self.host = "memory"
        self.broken = False
        self.blind = False
        self.work: dict[int, float] = {}
        self.signals: list[tuple[ProcessId, int]] = []
        self.endings: dict[ProcessId, Ending] = {}
        self._table: dict[int, _Process] = {}
        self._watches: dict[ProcessId, list[MemoryWatch]] = {}
        self._next_pid = 1000
        self._ticks = 5000

    def spawn(
        self,
        *,
        parent: int = 1,
        marker: Marker | None = None,
        ignores: frozenset[int] = frozenset(),
        pid: int | None = None,
        start: int | None = None,
        uid: int = _UID,
        handler: Callable[[int], None] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> ProcessId:
        """A new process. `pid` of a dead one reuses it; equal `start` too makes the perfect impostor.

        `handler` receives its signals, SIGKILL apart, instead of their usual effect.
        """
        if pid is None:
            pid = self._next_pid
            self._next_pid += 1
        if pid in self._table and not self._table[pid].row.zombie:
            raise ValueError(f"pid {pid} is in use")
        self._ticks += 1
        row = ProcessRow(pid, parent, start if start is not None else self._ticks, uid, zombie=False)
        self._table[pid] = _Process(row, marker, ignores, handler, environ or {})
        return ProcessId(self.boot, pid, row.start)

    def end(self, pid: int, *, zombie: bool = False, exit_code: int = 0, signum: int | None = None) -> None:
        """End `pid` with a code, or by `signum`; its children move to pid 1.

        `zombie` keeps its row until `reap`.
        """
        process = self._table[pid]
        identity = ProcessId(self.boot, pid, process.row.start)
        self.endings[identity] = Ending(None if signum else exit_code, signum)
        if zombie:
            process.row = replace(process.row, zombie=True)
        else:
            del self._table[pid]
        for other in self._table.values():
            if other.row.ppid == pid:
                other.row = replace(other.row, ppid=1)
        for watch in self._watches.pop(identity, []):
            watch.fire()

    def reap(self, pid: int) -> None:
        """Remove the row of a zombie."""
        if not self._table[pid].row.zombie:
            raise ValueError(f"pid {pid} has not ended")
        del self._table[pid]

    def reboot(self, boot: str) -> None:
        """All processes are gone and the boot id is another."""
        for pid in list(self._table):
            self.end(pid)
        self.boot = boot

    def _look(self) -> None:
        if self.broken:
            raise SensorError("cannot read the process table")

    def boot_id(self) -> str:
        """Name of the running boot."""
        self._look()
        return self.boot

    def host_id(self) -> str:
        """Name of the machine."""
        return self.host

    def identify(self, pid: int) -> ProcessId | None:
        """Identity of the living process with `pid`, or None."""
        self._look()
        process = self._table.get(pid)
        if process is None or process.row.zombie or self.blind:
            return None
        return ProcessId(self.boot, pid, process.row.start)

    def probe(self, process: ProcessId) -> Probe:
        """Whether that very process lives."""
        if self.broken:
            return Probe(Liveness.UNKNOWN, "cannot read the process table")
        if process.boot != self.boot:
            return Probe(Liveness.DEAD, "the machine was restarted since")
        found = None if self.blind else self._table.get(process.pid)
        return judge(process, found.row if found else None)

    def probe_all(self, processes: Sequence[ProcessId]) -> list[Probe]:
        """Whether each of these very processes lives."""
        return [self.probe(process) for process in processes]

    def environ_marker(self, pid: int) -> Marker | None:
        """The marker given at `spawn`."""
        process = self._table.get(pid)
        return process.marker if process and not self.broken else None

    def variable(self, pid: int, name: str) -> str | None:
        """As given at `spawn`; a marker is two of them."""
        process = self._table.get(pid)
        if process is None or self.broken:
            return None
        marker = process.marker
        planted = {SESSION_VARIABLE: marker.session, NONCE_VARIABLE: marker.nonce} if marker else {}
        return {**planted, **process.environ}.get(name)

    def command_line(self, pid: int) -> list[str]:
        """One word for every process."""
        return ["program"] if pid in self._table and not self.broken else []

    def ancestors(self, pid: int) -> list[ProcessId]:
        """The process and all above it."""
        self._look()
        table = {} if self.blind else self._table
        line = ancestors(pid, lambda each: table[each].row if each in table else None)
        return [ProcessId(self.boot, row.pid, row.start) for row in line or ()]

    def tree(
        self, root: ProcessId | None, session: str, nonce: str, home: str | None = None
    ) -> list[ProcessId]:
        """Living processes of one session."""
        self._look()
        marker = Marker(session, nonce, home)
        found = members(
            [process.row for process in self._table.values() if not self.blind],
            (root.pid, root.start) if root is not None and root.boot == self.boot else None,
            lambda pid: (found := self._table[pid].marker) is not None and found.is_of(marker),
            uid=_UID,
        )
        return [ProcessId(self.boot, row.pid, row.start) for row in found]

    def marked(self) -> list[tuple[ProcessId, Marker]]:
        """Living processes with any marker."""
        self._look()
        return [
            (ProcessId(self.boot, pid, process.row.start), process.marker)
            for pid, process in sorted(self._table.items())
            if process.marker is not None and process.row.uid == _UID and not process.row.zombie
            if not self.blind
        ]

    def cpu_seconds(self, processes: Sequence[ProcessId]) -> float:
        """What `work` says of those that live."""
        self._look()
        alive = [each for each in processes if self.probe(each).liveness is Liveness.ALIVE]
        return sum(self.work.get(each.pid, 0.0) for each in alive)

    def signal(self, process: ProcessId, signum: int) -> bool:
        """Deliver a signal: a deadly one that is not ignored ends the process."""
        self._look()
        if self.probe(process).liveness is not Liveness.ALIVE:
            return False
        target = self._table[process.pid]
        if target.row.uid != _UID:
            raise PermissionError(1, "Operation not permitted")
        self.signals.append((process, signum))
        if target.handler is not None and signum != signal.SIGKILL:
            target.handler(signum)
        elif signum in _ENDS and (signum == signal.SIGKILL or signum not in target.ignores):
            self.end(process.pid, signum=signum)
        return True

    def watch(self, process: ProcessId, callback: Callable[[], None]) -> Watch:
        """Call back once, on a later turn of the loop, when that very process is gone."""
        self._look()
        watch = MemoryWatch(callback)
        if self.probe(process).liveness is Liveness.DEAD:
            watch.fire()
        else:
            self._watches.setdefault(process, []).append(watch)
        return watch
