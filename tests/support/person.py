"""A person at a peer's terminal: a real tmux client on a pseudo-terminal, and keys written to it."""

import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.daemon import Roost
from tests.support.wait import wait_until

PATIENCE = 30.0


@contextmanager
def attached(roost: Roost, name: str, columns: int = 0, rows: int = 0) -> Iterator[int]:
    """A person's terminal joined to the peer's session; yields the descriptor to type into.

    `columns` and `rows`: of what size; without them, of none, which tmux takes for 80 by 24.
    """
    argv = roost.call("attach", name=name)["argv"]
    master, slave = pty.openpty()
    if columns:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    person = subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**roost.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(slave)
    reading = threading.Thread(target=_read, args=(master,))
    reading.start()
    try:
        wait_until(
            lambda: "0" in roost.tmux(name, "list-clients", "-F", "#{client_control_mode}"),
            timeout=PATIENCE,
            why="the person is attached",
        )
        yield master
    finally:
        person.terminate()
        person.wait(PATIENCE)
        reading.join(PATIENCE)
        os.close(master)


def _read(master: int) -> None:
    """Take what is shown, until the client leaves: one that cannot show anything takes no keys either."""
    while True:
        try:
            if not os.read(master, 65536):
                return
        except OSError:
            return
