"""The daemon's lock, its socket and its port."""

import contextlib
import fcntl
import os
import socket
from pathlib import Path

from roost.errors import HostError, RoostError
from roost.host.files import write_atomic
from roost.paths import Places

PORT = "http.port"
"""The store's key of the port: it is chosen once, because agents were given it."""


class AlreadyRunningError(RoostError):
    """Another daemon is running here."""


def hold_lock(places: Places) -> int:
    """The descriptor of the lock that makes this daemon the only one. Raises AlreadyRunningError."""
    descriptor = os.open(places.lock, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"a daemon is running already (pid {_holder(places.pid)}); see `roost status`"
        ) from error
    write_atomic(places.pid, f"{os.getpid()}\n".encode(), durable=False)
    return descriptor


def _holder(pid: Path) -> str:
    """Its process id; `?` in the moment before it has said so."""
    with contextlib.suppress(OSError):
        return pid.read_text(errors="replace").strip() or "?"
    return "?"


def listen_unix(path: Path) -> socket.socket:
    """A listening socket, 0600. A stale one is replaced: the lock proves that nobody serves on it."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise HostError(f"cannot listen on {path}: {error.strerror}") from error
    finally:
        os.umask(before)
    listener.listen(512)
    listener.settimeout(0)
    return listener


def listen_loopback(stored: str | None) -> socket.socket:
    """A listening socket on 127.0.0.1: the stored port, or a free one the first time.

    Raises HostError when a stranger has the stored port: live agents know no other.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", int(stored) if stored else 0))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise HostError(
            f"another program has our port 127.0.0.1:{stored} ({error.strerror}); agents"
            " were given this port: end that program, then `roost up`"
        ) from error
    listener.settimeout(0)
    return listener
