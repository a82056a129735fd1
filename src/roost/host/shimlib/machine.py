"""Files, processes and the terminal, as the shim needs them."""

from __future__ import annotations

import os
import select

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    from collections.abc import Iterator
else:
    try:
        import _signal as signal
    except ImportError:
        import signal

__all__ = ["signal"]

PR_SET_CHILD_SUBREAPER = 36
TERMINAL = 0
# Position after the command name in /proc/<pid>/stat.
START_TICKS = 19


def read(path: str) -> str:
    """A small file's text, empty when it cannot be read; without a stream, which asks the kernel for more."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    data = b""
    try:
        while more := os.read(descriptor, 8192):
            data += more
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return data.decode("utf-8", "replace")


def write_atomic(path: str, text: str) -> None:
    temporary = f"{path}.{os.getpid()}.tmp"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        data = text.encode()
        while data:
            data = data[os.write(descriptor, data) :]
    finally:
        os.close(descriptor)
    os.rename(temporary, path)


def make_durable(path: str) -> None:
    """Let a file and its name outlive a power loss; one that was taken away meanwhile needs nothing."""
    for place in (path, os.path.dirname(path)):
        try:
            descriptor = os.open(place, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def hold(path: str) -> None:
    """Lock a file for the rest of our life: whoever gets the lock, on any machine, knows of our end.

    A file system without locks has no such file: it would tell what is not so.
    """
    import fcntl  # noqa: PLC0415 -- beside what it is for

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.unlink(path)
    except OSError:
        pass


def announce(fifo: str, line: str) -> bool:
    """Tell whoever listens at the named pipe; False when nobody does, as while there is no daemon.

    Lines of several shims mix unless each is one small write.
    """
    data = line.encode()
    if len(data) > select.PIPE_BUF:
        return False
    try:
        descriptor = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(descriptor, data)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def stat_fields(pid: int) -> list[str]:
    """/proc/<pid>/stat after the command name: state, ppid, ...; start ticks at 19; [] when gone."""
    return read(f"/proc/{pid}/stat").rpartition(")")[2].split()


def identity(pid: int) -> dict[str, int | None]:
    """`start` is null where there is no /proc; the daemon then takes it from its own look."""
    fields = stat_fields(pid)
    return {"pid": pid, "start": int(fields[START_TICKS]) if len(fields) > START_TICKS else None}


def become_subreaper() -> None:
    """Descendants that lose their parent become our children. Without it they go to pid 1; we live on."""
    try:
        import _ctypes  # noqa: PLC0415 not everywhere there

        prctl = _ctypes.dlsym(_ctypes.dlopen("", 0), "prctl")
        _ctypes.call_function(prctl, (PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    except (ImportError, AttributeError, OSError):
        try:
            import ctypes  # noqa: PLC0415 costs 4 ms

            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        except (ImportError, AttributeError, OSError):
            pass


def take_foreground(group: int) -> None:
    """Give the terminal to `group`; harmless where there is none. SIGTTOU must be ignored or blocked."""
    try:
        os.tcsetpgrp(TERMINAL, group)
    except OSError:
        pass


def children(pid: int) -> list[int]:
    """Direct children of `pid`, zombies too; [] where the kernel does not list them."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found += [int(child) for child in read(f"/proc/{pid}/task/{thread}/children").split()]
    return found


def descendants(pid: int) -> Iterator[int]:
    """Living descendants of `pid`."""
    for child in children(pid):
        if stat_fields(child)[:1] not in ([], ["Z"], ["X"]):
            yield child
        yield from descendants(child)
