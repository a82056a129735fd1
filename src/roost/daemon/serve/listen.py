"""The daemon's lock, its socket and its port."""

import contextlib
import fcntl
import logging
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

from roost.errors import HostError, RoostError
from roost.host.files import write_atomic
from roost.host.ports import candidates, holder
from roost.local.paths import Places

PORT = "http.port"
"""The store's key of the port: it is chosen once, because agents were given it."""

_log = logging.getLogger("roost.daemon")


class AlreadyRunningError(RoostError):
    """Another daemon is running here."""


def hold_lock(places: Places) -> int:
    """The descriptor of the lock that makes this daemon the only one; its pid is noted where it can be.

    Raises AlreadyRunningError.
    """
    descriptor = os.open(places.lock, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise AlreadyRunningError(
            f"a daemon is running already (pid {_holder(places.pid)}); see `roost status`"
        ) from error
    try:
        write_atomic(places.pid, f"{os.getpid()}\n".encode(), durable=False)
    except OSError:  # as on a full disk: what needs no disk goes on, and the store says more
        with contextlib.suppress(OSError):
            places.pid.unlink()
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


def listen_loopback(stored: str | None, bound: Callable[[], Sequence[str]] = tuple) -> socket.socket:
    """A listening socket on 127.0.0.1: the stored port, or another when somebody has that one. Blocking.

    `bound` tells the peers whose live agents know no other port than the stored one. Raises HostError, with
    the holder's name, when there are such.
    """
    if stored is None:
        return _listen_on_new()
    try:
        return _listen_on(int(stored))
    except OSError as error:
        who = holder(int(stored))
        if names := ", ".join(bound()):
            raise HostError(
                f"{who} has our port 127.0.0.1:{stored} ({error.strerror}), the only one that the agents of"
                f" {names} know: end that program, or those agents (`roost gc`), then `roost up`"
            ) from error
        _log.warning("%s has our port 127.0.0.1:%s; another is taken, as no agent lives", who, stored)
        return _listen_on_new()


def _listen_on_new() -> socket.socket:
    """Raises HostError."""
    why = ""
    for port in candidates():
        try:
            return _listen_on(port)
        except OSError as error:
            why = error.strerror or str(error)
    raise HostError(f"no port of 127.0.0.1 is free: {why}")


def _listen_on(port: int) -> socket.socket:
    """Raises OSError."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    listener.settimeout(0)
    return listener
