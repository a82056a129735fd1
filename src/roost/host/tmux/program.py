"""Which tmux speaks to a server that runs: its own program, where another one is found by now.

An upgraded package leaves the servers as they are. From tmux 3.6 on a client and a server of before do not
understand each other, though the number of their protocol is the same: the client waits for ever.
"""

import os
import socket as sockets
import struct
import subprocess
import sys
from pathlib import Path

NAMED_VERSION = ("tmux", "-V")
"""tmux tells its version after the name that it was started by."""
_SECONDS = 5.0
_CREDENTIALS = struct.Struct("3i")


def own_program(socket: Path, found: str | None) -> str | None:
    """A path that starts the program of the server on `socket`, though its file was replaced or removed.

    None where it is the file `found`, where nobody listens, and where the system does not tell: on macOS, for
    a program that changes its group, for a server in another container. Whether it starts is another
    question: its libraries may be gone, or come by a wrapper. The kernel tells who listens; in theory the pid
    can be another's by the time at which the path is used.
    """
    if sys.platform != "linux":
        return None
    try:
        with sockets.socket(sockets.AF_UNIX, sockets.SOCK_STREAM) as connection:
            connection.setblocking(False)  # noqa: FBT003 -- the standard library's signature
            connection.connect(str(socket))
            told = connection.getsockopt(sockets.SOL_SOCKET, sockets.SO_PEERCRED, _CREDENTIALS.size)
            program = f"/proc/{_CREDENTIALS.unpack(told)[0]}/exe"
            own = os.stat(program)  # noqa: PTH116 -- a plain string here
            same = found is not None and os.path.samestat(own, os.stat(found))  # noqa: PTH116
    except OSError:
        return None
    return None if same else program


def is_tmux(said: str) -> bool:
    """Whether a program that was asked for its version is a tmux: it may be what starts one."""
    return said.startswith("tmux ")


def client_of(socket: Path, found: str | None) -> str | None:
    """Blocking: the program that speaks to the server on `socket`; `found` is the one of PATH."""
    own = own_program(socket, found)
    if own is None:
        return found
    try:
        done = subprocess.run(
            NAMED_VERSION, executable=own, capture_output=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return found
    return own if is_tmux(done.stdout.decode(errors="replace")) else found
