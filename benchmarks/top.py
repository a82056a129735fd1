"""`roost top` in a terminal of 80 columns and 24 lines: what it and the daemon cost while nothing happens."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress

from benchmarks.home import PATIENCE, Home, until

READY = b"NAME"
"""What stands on its screen once it shows the fleet."""


@contextmanager
def opened(home: Home) -> Generator[subprocess.Popen[bytes]]:
    """The program, once it has drawn the fleet; what it draws is read and dropped."""
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**home.environment, "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "roost", "top"], env=environment, stdin=far, stdout=far, stderr=far
    )
    os.close(far)
    drawn = bytearray()
    reading = threading.Thread(target=_read, args=(near, drawn), daemon=True)
    reading.start()
    try:
        until(lambda: READY in drawn, "the fleet on the screen")
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)
        reading.join(PATIENCE)
        os.close(near)


def _read(near: int, drawn: bytearray) -> None:
    with suppress(OSError):  # the program has ended
        while data := os.read(near, 65536):
            drawn += data
