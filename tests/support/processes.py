"""Finding and ending the processes that a test run left behind, by a marker in their environment."""

import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

MARKER = "ROOST_TEST_RUN"
"""Every process that a test starts inherits this variable; its value names the run."""


GRACE = 5.0
"""Seconds a process may take to end after the test that started it."""
KEPT: set[str] = set()
"""Variables of processes that a fixture of a module keeps, and answers for at its end."""


@dataclass(frozen=True, slots=True)
class Found:
    """A live process of this test run: pid and start together are its identity."""

    pid: int
    start: float
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid}: {self.command}"


def marked(nonce: str) -> frozenset[Found]:
    """All live processes but this one whose environment carries the nonce of this run."""
    return carrying(f"{MARKER}={nonce}")


def carrying(wanted: str) -> frozenset[Found]:
    """All live processes but this one whose environment carries this variable, `NAME=value`."""
    if sys.platform == "linux":
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 -- at each test
    else:
        pids = psutil.pids()
    found = (_examine(pid, wanted) for pid in pids if pid != os.getpid())
    return frozenset(each for each in found if each is not None)


@contextmanager
def kept(variable: str) -> Iterator[None]:
    """Processes that carry this variable may outlive a test in this block, and none outlives the block."""
    KEPT.add(variable)
    try:
        yield
    finally:
        KEPT.discard(variable)
        check_gone(carrying(variable))


def not_kept(processes: frozenset[Found]) -> frozenset[Found]:
    """Those that no fixture answers for."""
    if not processes:
        return processes
    return processes - frozenset(each for variable in KEPT for each in carrying(variable))


def check_gone(processes: frozenset[Found]) -> None:
    """Wait until these have ended; those that do not are ended, and named in an AssertionError."""
    left = wait_gone(processes, GRACE)
    end(left)
    assert not left, "left behind (now ended):\n" + "\n".join(sorted(map(str, left)))


def wait_gone(processes: frozenset[Found], timeout: float) -> frozenset[Found]:
    """Wait until these have ended, at most `timeout` seconds in all; returns those still alive."""
    deadline = time.monotonic() + timeout
    left: set[Found] = set()
    for each in processes:
        while _same(each):
            if time.monotonic() >= deadline:
                left.add(each)
                break
            select.select([], [], [], 0.005)
    return frozenset(left)


def parent(process: Found) -> int | None:
    """The pid of its parent; None when it has ended."""
    try:
        return psutil.Process(process.pid).ppid() if _same(process) else None
    except psutil.Error:
        return None


def end(processes: frozenset[Found]) -> None:
    """SIGKILL these, each only after its identity has been verified on the handle that is signalled."""
    for each in processes:
        if sys.platform == "linux":
            try:
                handle = os.pidfd_open(each.pid)
            except ProcessLookupError:
                continue
            try:
                if _same(each):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            except ProcessLookupError:
                pass
            finally:
                os.close(handle)
        elif _same(each):
            psutil.Process(each.pid).kill()


def sockets(pid: int) -> int:
    """How many a process has open; one that it closes meanwhile is none."""
    count = 0
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            count += str(descriptor.readlink()).startswith("socket:")
    return count


def _examine(pid: int, wanted: str) -> Found | None:
    if sys.platform == "linux":
        sought = wanted.encode()
        try:
            environ = _read(f"/proc/{pid}/environ")
            if sought not in environ or sought not in environ.split(b"\0"):
                return None
            command = _read(f"/proc/{pid}/cmdline").replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            return None
        start = _start(pid)
        return None if start is None else Found(pid, start, command or "(no command line)")
    try:
        process = psutil.Process(pid)
        name, _, value = wanted.partition("=")
        if process.environ().get(name) != value or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return Found(pid, process.create_time(), " ".join(process.cmdline()))
    except psutil.Error:
        return None


def _same(process: Found) -> bool:
    return _start(process.pid) == process.start


def _start(pid: int) -> float | None:
    """Start time of a live process: kernel ticks on Linux, seconds elsewhere; None when gone or a zombie."""
    if sys.platform == "linux":
        try:
            fields = _read(f"/proc/{pid}/stat").rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in b"ZX" else float(fields[19])
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _read(path: str) -> bytes:
    """A whole file of /proc. Each test looks into those of all processes; a `Path` costs as much as that."""
    handle = os.open(path, os.O_RDONLY)
    try:
        parts: list[bytes] = []
        while part := os.read(handle, 1 << 16):
            parts.append(part)
    finally:
        os.close(handle)
    return b"".join(parts)
