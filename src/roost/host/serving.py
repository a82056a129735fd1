"""The process at the other end of a connection that we made to a server of this machine."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from roost.host.errors import SensorError
from roost.host.remote import remote_of

_PROC = Path("/proc")


def serving_pid(connection: socket.socket, proc: Path = _PROC) -> int | None:
    """Blocking: the pid of the server; None where the system does not tell, as for a port on macOS.

    Of a Unix socket it is the process that began to listen (the kernel keeps it with the socket). Of a port
    it is the one that holds the other end of this very connection, found by the number of its socket.
    """
    try:
        if connection.family == socket.AF_UNIX:
            remote = remote_of(connection)
            remote.close()
            return remote.pid or None
        ours, theirs = connection.getsockname()[:2], connection.getpeername()[:2]
    except (OSError, SensorError):
        return None
    number = _number_of(theirs, ours, proc)
    return _holder_of(number, proc) if number is not None else None


def _number_of(local: tuple[str, int], remote: tuple[str, int], proc: Path) -> str | None:
    """The number of the socket with these two ends, by the kernel's table."""
    wanted = [_hex(*local), _hex(*remote)]
    for name in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / name).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            words = line.split()
            if len(words) > 9 and words[1:3] == wanted and words[9] != "0":  # noqa: PLR2004 -- proc(5)
                return words[9]
    return None


def _hex(host: str, port: int) -> str:
    """An end as /proc/net/tcp writes it: groups of four bytes, each as a number of this machine."""
    packed = ipaddress.ip_address(host.partition("%")[0]).packed
    groups = (packed[index : index + 4][::-1] for index in range(0, len(packed), 4))
    return f"{b''.join(groups).hex().upper()}:{port:04X}"


def _holder_of(number: str, proc: Path) -> int | None:
    """The process of ours that has the socket of this number open."""
    wanted = f"socket:[{number}]"
    for pid in _pids(proc):
        try:
            with os.scandir(proc / pid / "fd") as entries:
                if any(_target(entry.path) == wanted for entry in entries):
                    return int(pid)
        except OSError:
            continue
    return None


def _pids(proc: Path) -> Iterator[str]:
    try:
        yield from (name for name in os.listdir(proc) if name.isdigit())  # noqa: PTH208 -- names alone
    except OSError:
        return


def _target(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 -- thousands of them
    except OSError:
        return ""
