"""Who may call: this very user, from outside of the session. An agent answers no permission of its own."""

import os
import socket
import struct
import sys

_MOST_ANCESTORS = 1000


def refused(connection: socket.socket) -> bool:
    """Whether the process that connected may not call. One that cannot be seen is judged by its user."""
    if sys.platform != "linux":
        return False  # the socket's mode (0600), in a private folder, lets nobody else in
    try:
        size = struct.calcsize("3i")
        found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return True
    pid, user, _ = struct.unpack("3i", found)
    return user not in (os.getuid(), 0) or _within(pid)


def _within(pid: int) -> bool:
    """Whether the process is below the session's shim, which keeps all that is started there below itself."""
    top = {os.getpid(), os.getppid()} - {0, 1}
    for _ in range(_MOST_ANCESTORS):
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                pid = int(stat.read().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return False
        if pid in top:
            return True
        if pid <= 1:
            return False
    return False
