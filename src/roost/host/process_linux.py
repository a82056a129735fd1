"""Processes on Linux: /proc and pidfds.

Where the kernel or a seccomp filter gives no pidfds (gVisor, old container engines), the start is compared
right before a signal, as on macOS: a few microseconds remain in which the pid could in theory be reused.
"""

import errno
import os
import signal
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from roost.host.errors import SensorError
from roost.host.process_table import ProcessRow

PROC = Path("/proc")
_GONE = frozenset({errno.ENOENT, errno.ESRCH})
# Positions after the parenthesised command name, which may itself hold spaces and parentheses (proc(5)).
_STATE, _PPID, _FLAGS, _TIMES, _START, _ENV_END = 0, 1, 6, slice(11, 15), 19, 48
_ENDED = (b"Z", b"X", b"x")
_STOPPED = (b"T", b"t")
_NO_CALL = frozenset({errno.ENOSYS, errno.EPERM})
_KERNEL_THREAD = 0x00200000
_EXEC_SECONDS = 0.1
_FIRST_NAMESPACE = 0xEFFFFFFC
"""<linux/proc_ns.h>: PROC_PID_INIT_INO."""
_CHUNK = 1 << 14
"""Bytes in one read."""


@cache
def boot_id(proc: Path = PROC) -> str:
    """The kernel's random id of this boot, which no program outlives; in a container also that of its life.

    A container that is started again has other processes under the pids of before, in the same boot. Raises
    SensorError.
    """
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError as error:
        raise SensorError(f"cannot read the boot id: {error.strerror}; is /proc mounted?") from error
    return boot + _namespace(proc)


def _namespace(proc: Path) -> str:
    """What tells one pid namespace from all others of a boot; empty for the machine's own.

    Linux 6.18: the number of a namespace that has ended is given away again, so its first process's start
    goes with it.
    """
    try:
        number = (proc / "self/ns/pid").stat().st_ino
    except OSError:
        return ""
    first = row(1, proc) if number != _FIRST_NAMESPACE else None
    return f"/{number}.{first.start}" if first is not None else ""


def host_id(etc: Path = Path("/etc")) -> str:
    """The machine's own id (machine-id(5)), or its network name where it has none."""
    try:
        found = (etc / "machine-id").read_text().strip()
    except OSError:
        found = ""
    return found or os.uname().nodename


class NoHandlesError(SensorError):
    """This system gives no pidfds."""


def _open_pidfd(pid: int) -> int | None:
    """A pidfd on whatever has the pid now; None when nothing has. Raises NoHandlesError, SensorError.

    pidfd_open(2) itself knows no EPERM: seccomp filters answer with it, or with ENOSYS, to unknown calls.
    """
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        if error.errno in (*_GONE, errno.EINVAL):
            return None
        if error.errno in _NO_CALL:
            raise NoHandlesError(f"this system gives no pidfds: {error.strerror}") from error
        raise SensorError(f"cannot open a pidfd on {pid}: {error.strerror}") from error


def has_handles() -> bool:
    """Whether processes are watched and signalled by pidfds here."""
    try:
        own = _open_pidfd(os.getpid())
    except NoHandlesError:
        return False
    except SensorError:
        return True
    if own is not None:
        os.close(own)
    return True


def is_known(pid: int) -> bool:
    """Whether the kernel knows a process of this pid, whatever /proc lists. Raises SensorError.

    The second witness of an absence: a /proc of another namespace, or one that hides processes, lists less.
    """
    try:
        pidfd = _open_pidfd(pid)
    except NoHandlesError:
        return _answers(pid)
    if pidfd is not None:
        os.close(pidfd)
    return pidfd is not None


def _answers(pid: int) -> bool:
    """Whether a signal could be sent; none is."""
    try:
        os.kill(pid, 0)  # noqa: TID251 -- signal 0 reaches nobody
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def row(pid: int, proc: Path = PROC) -> ProcessRow | None:
    """The process table's row of `pid`, None when there is none. Raises SensorError."""
    folder = f"{proc}/{pid}"
    try:
        fields = _read(f"{folder}/stat").rpartition(b")")[2].split()
        uid = os.stat(folder).st_uid  # noqa: PTH116 -- see _read
    except OSError as error:
        if error.errno in _GONE and _readable(proc):
            return None
        raise SensorError(f"cannot read {folder}/stat: {error.strerror}") from error
    try:
        state = fields[_STATE]
        ended = state in _ENDED and not _has_threads(folder)
        return ProcessRow(
            pid, int(fields[_PPID]), int(fields[_START]), uid, zombie=ended, stopped=state in _STOPPED
        )
    except (IndexError, ValueError) as error:
        raise SensorError(f"cannot understand {folder}/stat") from error


def _read(path: str) -> bytes:
    """All of a small file. A pass reads thousands: a Path and a file object cost three times as much."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        data = os.read(descriptor, _CHUNK)
        while chunk := os.read(descriptor, _CHUNK):
            data += chunk
    finally:
        os.close(descriptor)
    return data


def _readable(proc: Path) -> bool:
    """Whether /proc lists anything: an empty /proc must not make everyone look dead."""
    return (proc / "self/stat").exists()


def _has_threads(folder: str) -> bool:
    """A first thread that ended shows as a zombie while the process goes on in its other threads."""
    try:
        return len(os.listdir(f"{folder}/task")) > 1  # noqa: PTH208 -- see _read
    except OSError:
        return False


def rows(proc: Path = PROC) -> Iterator[ProcessRow]:
    """All rows but those that end while being read. Raises SensorError."""
    try:
        names = [entry.name for entry in proc.iterdir()]
    except OSError as error:
        raise SensorError(f"cannot list {proc}: {error.strerror}") from error
    if not _readable(proc):
        raise SensorError(f"{proc} is empty; is it mounted?")
    for name in names:
        if name.isdigit() and (found := row(int(name), proc)) is not None:
            yield found


def cpu_seconds(pid: int, start: int, proc: Path = PROC) -> float:
    """Processor time of that very process and of the children that it waited for; 0 when it is gone."""
    try:
        fields = (proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
        ticks = sum(map(int, fields[_TIMES])) if int(fields[_START]) == start else 0
    except OSError as error:
        if error.errno in _GONE and _readable(proc):
            return 0.0
        raise SensorError(f"cannot read {proc}/{pid}/stat: {error.strerror}") from error
    except (IndexError, ValueError) as error:
        raise SensorError(f"cannot understand {proc}/{pid}/stat") from error
    return ticks / os.sysconf("SC_CLK_TCK")


def arguments(pid: int, proc: Path = PROC) -> list[bytes]:
    """The words `pid` was started with; empty when they may not be read."""
    try:
        return (proc / str(pid) / "cmdline").read_bytes().split(b"\0")[:-1]
    except OSError:
        return []


def environ(pid: int, proc: Path = PROC) -> bytes:
    """The environment block `pid` was started with; empty when it may not be read.

    Linux 6.18: while a process is between two programs (in execve, after its close-on-exec descriptors are
    closed) its block reads as empty. That is not an answer: wait it out, at most 0.1 s.
    """
    folder = f"{proc}/{pid}"
    deadline = time.monotonic() + _EXEC_SECONDS
    try:
        while not (block := _read(f"{folder}/environ")):
            if not _in_exec(folder) or time.monotonic() > deadline:
                return b""
            os.sched_yield()
    except OSError:
        return b""
    return block


def _in_exec(folder: str) -> bool:
    """Whether a process of ours has no environment yet: not an empty one, and not a kernel thread's none."""
    fields = _read(f"{folder}/stat").rpartition(b")")[2].split()
    if len(fields) <= _ENV_END or fields[_STATE] in _ENDED:
        return False
    return fields[_ENV_END] == b"0" and not int(fields[_FLAGS]) & _KERNEL_THREAD


def open_process(pid: int, start: int, proc: Path = PROC) -> int | None:
    """A pidfd on that very process, None when it is gone. Raises SensorError.

    The pidfd comes first and the start ticks second: as the pid belonged to the recorded process when
    it was recorded, equal ticks now prove that the pidfd is that process.
    """
    pidfd = _open_pidfd(pid)
    if pidfd is None:
        return None
    try:
        found = row(pid, proc)
    except SensorError:
        os.close(pidfd)
        raise
    if not _is(found, start):
        os.close(pidfd)
        return None
    return pidfd


def runs(pid: int, start: int, proc: Path = PROC) -> bool:
    """Whether that very process runs. Raises SensorError."""
    return _is(row(pid, proc), start)


def _is(found: ProcessRow | None, start: int) -> bool:
    return found is not None and not found.zombie and found.start == start


def send_signal(pid: int, start: int, signum: int, proc: Path = PROC) -> bool:
    """Signal that very process; False when it is gone.

    Raises SensorError, PermissionError.
    """
    try:
        pidfd = open_process(pid, start, proc)
        if pidfd is None:
            return False
        try:
            signal.pidfd_send_signal(pidfd, signum)
        except ProcessLookupError:
            return False
        except OSError as error:
            if error.errno not in _NO_CALL:
                raise
            raise NoHandlesError(f"this system signals through no pidfds: {error.strerror}") from error
        finally:
            os.close(pidfd)
    except NoHandlesError:
        return _send_by_pid(pid, start, signum, proc)
    return True


def _send_by_pid(pid: int, start: int, signum: int, proc: Path) -> bool:
    if not runs(pid, start, proc):
        return False
    try:
        os.kill(pid, signum)  # noqa: TID251 -- its start was compared just now
    except ProcessLookupError:
        return False
    return True
