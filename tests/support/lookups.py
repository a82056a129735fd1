"""The names that a program looks up: a name server on loopback that knows none of them. Needs root on Linux.

Where it cannot be (an ordinary user, macOS) programs run as they are and nothing is seen; the test of this
module says so.
"""

import os
import shutil
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PORT = 53
_NO_SUCH_NAME = b"\x81\x83"
_MOUNT = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'


@dataclass(slots=True)
class Lookups:
    """`names` grows by each name that is asked for."""

    configuration: Path | None = None
    names: list[str] = field(default_factory=list[str])

    def watched(self, argv: Sequence[str]) -> list[str]:
        """The command that runs `argv` with this name server as its only one."""
        if self.configuration is None:
            return list(argv)
        return ["unshare", "--mount", "sh", "-c", _MOUNT, "sh", str(self.configuration), *argv]


@contextmanager
def lookups(folder: Path) -> Iterator[Lookups]:
    """Answer lookups until the end, at an address of this process's own."""
    pid = os.getpid()
    address = f"127.{pid >> 16 & 0x7F | 0x80}.{pid >> 8 & 0xFF}.{pid & 0xFF}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind((address, _PORT))
        except OSError:  # no privilege, or no such address
            yield Lookups()
            return
        if os.geteuid() != 0 or not shutil.which("unshare"):
            yield Lookups()
            return
        made = Lookups(folder / "resolv.conf")
        (folder / "resolv.conf").write_text(f"nameserver {address}\n")
        thread = threading.Thread(target=_serve, args=(server, made.names), name="lookups", daemon=True)
        thread.start()
        try:
            yield made
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
                end.sendto(b"", (address, _PORT))
            thread.join()


def _serve(server: socket.socket, names: list[str]) -> None:
    """Answer each question with "no such name", until an empty datagram comes."""
    while True:
        asked, address = server.recvfrom(4096)
        if not asked:
            return
        name, rest = _question(asked[12:])
        names.append(name)
        server.sendto(asked[:2] + _NO_SUCH_NAME + b"\0\1" + b"\0" * 6 + rest, address)


def _question(body: bytes) -> tuple[str, bytes]:
    """The name asked for, and the question as it stands on the wire."""
    labels: list[str] = []
    at = 0
    while body[at]:
        labels.append(body[at + 1 : at + 1 + body[at]].decode(errors="replace"))
        at += 1 + body[at]
    return ".".join(labels), body[: at + 5]
