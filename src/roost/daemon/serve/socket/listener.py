"""The Unix socket that the daemon listens on."""

import contextlib
import os
import socket
from pathlib import Path

from roost.errors import HostError


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
