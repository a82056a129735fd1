"""Processes of this machine, addressed by identity: boot, pid and start together."""

import os
import sys
from collections.abc import Callable, Sequence

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import SensorError
from roost.host.interfaces.processes import Liveness, Marker, Probe
from roost.host.interfaces.watch import Watch
from roost.host.process_table import ProcessRow, ancestors, marker_of, members
from roost.host.watcher import SystemProcessWatcher

if sys.platform == "darwin":
    from roost.host import process_macos as platform
else:
    from roost.host import process_linux as platform


def has_handles() -> bool:
    """Whether this system tells of exits as events; otherwise processes are looked at again and again."""
    return platform.has_handles()


class SystemProcesses:
    """The real thing; the contract is `roost.host.interfaces.Processes`.

    Reading one process takes some 20 microseconds, a scan of a thousand some 30 milliseconds: call `tree`
    and `marked` for endings and reconciliation, not in a poll.
    """

    def __init__(self) -> None:
        """Prepare; nothing is read yet."""
        self._watcher = SystemProcessWatcher()

    def boot_id(self) -> str:
        """Name of the running boot. Raises SensorError."""
        return platform.boot_id()

    def host_id(self) -> str:
        """A name of this machine that outlives reboots."""
        return platform.host_id()

    def identify(self, pid: int) -> ProcessId | None:
        """Identity of the living process with `pid`, or None. Raises SensorError."""
        found = platform.row(pid)
        if found is None or found.zombie:
            return None
        return ProcessId(platform.boot_id(), pid, found.start)

    def probe(self, process: ProcessId) -> Probe:
        """Whether that very process lives."""
        return self.probe_all([process])[0]

    def probe_all(self, processes: Sequence[ProcessId]) -> list[Probe]:
        """Whether each of these very processes lives."""
        try:
            boot = platform.boot_id()
        except SensorError as error:
            return [Probe(Liveness.UNKNOWN, str(error))] * len(processes)
        return [_probe(process, boot) for process in processes]

    def environ_marker(self, pid: int) -> Marker | None:
        """The planted marker of `pid`, or None."""
        return marker_of(platform.environ(pid))

    def variable(self, pid: int, name: str) -> str | None:
        """A variable in the environment of `pid`, or None."""
        wanted = os.fsencode(f"{name}=")
        found = next((each for each in platform.environ(pid).split(b"\0") if each.startswith(wanted)), None)
        return os.fsdecode(found.removeprefix(wanted)) if found is not None else None

    def command_line(self, pid: int) -> list[str]:
        """The words that `pid` was started with."""
        return [os.fsdecode(word) for word in platform.arguments(pid)]

    def ancestors(self, pid: int) -> list[ProcessId]:
        """The process and all above it, nearest first. Raises SensorError."""
        line = ancestors(pid, platform.row)
        if line is None:
            raise SensorError(f"the ancestors of process {pid} change faster than they can be read")
        return [ProcessId(platform.boot_id(), row.pid, row.start) for row in line]

    def tree(
        self, root: ProcessId | None, session: str, nonce: str, home: str | None = None
    ) -> list[ProcessId]:
        """Living processes of one session, never the caller itself. Raises SensorError."""
        boot = platform.boot_id()
        marker = Marker(session, nonce, home)
        known = (root.pid, root.start) if root is not None and root.boot == boot else None
        found = members(platform.rows(), known, lambda pid: self._carries(pid, marker), uid=os.geteuid())
        return [ProcessId(boot, row.pid, row.start) for row in found if row.pid != os.getpid()]

    def _carries(self, pid: int, marker: Marker) -> bool:
        environ = platform.environ(pid)
        if marker.session.encode() not in environ:
            return False
        found = marker_of(environ)
        return found is not None and found.is_of(marker)

    def marked(self) -> list[tuple[ProcessId, Marker]]:
        """Living processes of our user with any marker, never the caller itself. Raises SensorError."""
        boot = platform.boot_id()
        answer: list[tuple[ProcessId, Marker]] = []
        for row in platform.rows():
            if row.uid != os.geteuid() or row.zombie or row.pid == os.getpid():
                continue
            marker = self.environ_marker(row.pid)
            if marker is not None:
                answer.append((ProcessId(boot, row.pid, row.start), marker))
        return answer

    def cpu_seconds(self, processes: Sequence[ProcessId]) -> float:
        """Processor time that these very processes have used so far. Raises SensorError."""
        boot = platform.boot_id()
        return sum(platform.cpu_seconds(each.pid, each.start) for each in processes if each.boot == boot)

    def signal(self, process: ProcessId, signum: int) -> bool:
        """Signal that very process; False when it is gone. Raises SensorError, PermissionError."""
        if process.boot != platform.boot_id():
            return False
        return platform.send_signal(process.pid, process.start, signum)

    def watch(self, process: ProcessId, callback: Callable[[], None]) -> Watch:
        """Call `callback` once in the running loop when that very process is gone."""
        return self._watcher.watch(process, callback)


_OF_ANOTHER_BOOT = Probe(Liveness.DEAD, "the machine was restarted since")


def _probe(process: ProcessId, boot: str) -> Probe:
    if boot != process.boot:
        return _OF_ANOTHER_BOOT
    try:
        found = platform.row(process.pid)
        hidden = found is None and platform.is_known(process.pid)
    except SensorError as error:
        return Probe(Liveness.UNKNOWN, str(error))
    if hidden:
        why = f"the process table does not list {process.pid}, and the kernel knows it"
        return Probe(Liveness.UNKNOWN, why)
    return judge(process, found)


def judge(process: ProcessId, found: ProcessRow | None) -> Probe:
    """The verdict on `process` when its pid's row in the table is `found`."""
    if found is None:
        return Probe(Liveness.DEAD, f"no process {process.pid}")
    if found.start != process.start:
        return Probe(Liveness.DEAD, f"pid {process.pid} belongs to another process now")
    if found.zombie:
        return Probe(Liveness.DEAD, f"process {process.pid} has ended (zombie)")
    if found.stopped:
        return Probe(Liveness.ALIVE, f"process {process.pid} is stopped", stopped=True)
    return Probe(Liveness.ALIVE, f"process {process.pid} runs")
