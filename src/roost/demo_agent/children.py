"""Daemonised children, as careless programs leave them behind."""

import os
import signal

_LIFETIME = "3600"


def fork_daemon() -> int:
    """Start a child of its own session that ignores SIGHUP and sleeps; return its pid.

    It inherits the environment, holds no terminal and ends by itself after an hour.
    """
    reader, writer = os.pipe()
    middle = os.fork()
    if middle == 0:
        try:
            os.setsid()
            pid = os.fork()
            if pid == 0:
                signal.signal(signal.SIGHUP, signal.SIG_IGN)
                null = os.open(os.devnull, os.O_RDWR)
                for descriptor in (0, 1, 2):
                    os.dup2(null, descriptor)
                os.execvp("sleep", ["sleep", _LIFETIME])  # noqa: S606  (no shell; the user's PATH)
            os.write(writer, str(pid).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        os.waitpid(middle, 0)
        return int(answer.read() or 0)
