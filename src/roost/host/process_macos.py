"""Processes on macOS: libproc for the table, sysctl for environments and the boot id.

macOS has no pidfd. Between the identity check and the signal a few microseconds remain in which the
pid could in theory be reused; pids count up to 99,998 before they repeat.
"""

import ctypes
import errno
import os
from collections.abc import Iterator
from functools import cache

from roost.host.errors import SensorError
from roost.host.process_table import ProcessRow

_PROC_PIDTBSDINFO = 3
_SSTOP = 4
_SZOMB = 5
_CTL_KERN = 1
_KERN_PROCARGS2 = 49


class _BsdInfo(ctypes.Structure):
    """`struct proc_bsdinfo` of <sys/proc_info.h>."""

    _fields_ = (
        *((name, ctypes.c_uint32) for name in ("flags", "status", "xstatus", "pid", "ppid", "uid", "gid")),
        *((name, ctypes.c_uint32) for name in ("ruid", "rgid", "svuid", "svgid", "reserved")),
        ("comm", ctypes.c_char * 16),
        ("name", ctypes.c_char * 32),
        *((name, ctypes.c_uint32) for name in ("nfiles", "pgid", "pjobc", "tdev", "tpgid")),
        ("nice", ctypes.c_int32),
        ("start_seconds", ctypes.c_uint64),
        ("start_microseconds", ctypes.c_uint64),
    )


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@cache
def boot_id() -> str:
    """`kern.bootsessionuuid`. Raises SensorError."""
    buffer = ctypes.create_string_buffer(64)
    size = ctypes.c_size_t(len(buffer))
    if _library().sysctlbyname(b"kern.bootsessionuuid", buffer, ctypes.byref(size), None, 0) != 0:
        raise SensorError("cannot read kern.bootsessionuuid")
    return buffer.value.decode("ascii")


def host_id() -> str:
    """The network name: macOS keeps it over reboots."""
    return os.uname().nodename


def has_handles() -> bool:
    """True: exits come as events, by kqueue."""
    return True


def is_known(pid: int) -> bool:  # noqa: ARG001 -- as on Linux
    """False: `row` asks the kernel itself, there is no second witness."""
    return False


def row(pid: int) -> ProcessRow | None:
    """The row of `pid`, None when there is none. Raises SensorError."""
    info = _BsdInfo()
    size = ctypes.sizeof(info)
    if _library().proc_pidinfo(pid, _PROC_PIDTBSDINFO, ctypes.c_uint64(0), ctypes.byref(info), size) != size:
        if ctypes.get_errno() == errno.ESRCH:
            return None
        raise SensorError(f"cannot read process {pid}: {os.strerror(ctypes.get_errno())}")
    start = int(info.start_seconds) * 1_000_000 + int(info.start_microseconds)
    zombie, stopped = int(info.status) == _SZOMB, int(info.status) == _SSTOP
    return ProcessRow(pid, int(info.ppid), start, int(info.uid), zombie=zombie, stopped=stopped)


def rows() -> Iterator[ProcessRow]:
    """All rows that may be read. Raises SensorError."""
    library = _library()
    room = library.proc_listallpids(None, 0) + 256
    buffer = (ctypes.c_int * room)()
    count = library.proc_listallpids(buffer, ctypes.sizeof(buffer))
    if count <= 0:
        raise SensorError("cannot list processes")
    for pid in buffer[:count]:
        try:
            found = row(pid)
        except SensorError:
            # Processes of other users may not be read; ours always can.
            continue
        if found is not None:
            yield found


def cpu_seconds(pid: int, start: int) -> float:  # noqa: ARG001 -- as on Linux
    """0: not measured here, so that what an agent started is never taken to be at work."""
    return 0.0


def environ(pid: int) -> bytes:
    """The strings after the arguments of `pid`, NUL-separated; empty when they may not be read."""
    count, strings = _started_with(pid)
    return b"\0".join(strings[1 + count :])


def arguments(pid: int) -> list[bytes]:
    """The words `pid` was started with; empty when they may not be read."""
    count, strings = _started_with(pid)
    return strings[1 : 1 + count]


def _started_with(pid: int) -> tuple[int, list[bytes]]:
    """The number of arguments, then the program's path, the arguments and the environment."""
    name = (ctypes.c_int * 3)(_CTL_KERN, _KERN_PROCARGS2, pid)
    buffer = ctypes.create_string_buffer(1 << 20)
    size = ctypes.c_size_t(len(buffer))
    if _library().sysctl(name, 3, buffer, ctypes.byref(size), None, 0) != 0:
        return 0, []
    block = buffer.raw[: size.value]
    count = int.from_bytes(block[:4], "little")
    return count, [text for text in block[4:].split(b"\0") if text]


def send_signal(pid: int, start: int, signum: int) -> bool:
    """Signal that process after comparing its start; False when it is gone. Raises SensorError."""
    found = row(pid)
    if found is None or found.zombie or found.start != start:
        return False
    try:
        os.kill(pid, signum)  # noqa: TID251 there is nothing better here, see above
    except ProcessLookupError:
        return False
    return True
