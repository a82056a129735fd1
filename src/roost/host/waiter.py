"""A hook that waits in the background of a program at rest until there is mail for it.

Run as `python -S -E -I waiter.py PIPE`. It waits at the named pipe, one at a time. What comes whole, with
its mark behind it, goes to standard error, and 2 as its exit code has the program begin a turn with it. It is
told only by who has renamed the file that its first line names: whoever has sent it may have taken it back.
It goes as its program does, and leaves at once where its session has left. It stands alone on the standard
library.
"""

import fcntl
import os
import select
import sys

END = b"\x04"
REWAKE = 2
LOOK = 5.0
"""Seconds between two looks whether the program and the session's folder are still there."""


def read_whole(path: str, parent: int) -> bytes:
    """What is written to the pipe as a whole; nothing: nobody waits for it any more."""
    while True:
        pipe = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            told = b""
            # Its writer may have left before we came: nothing tells of an end then but the mark.
            while not told.endswith(END) and (piece := _next(pipe, path, parent)):
                told += piece
        finally:
            os.close(pipe)
        if told.endswith(END):
            return told[: -len(END)]
        if os.getppid() != parent or not os.path.exists(path):  # noqa: PTH110 -- it loads less
            return b""


def _next(pipe: int, path: str, parent: int) -> bytes:
    """The next piece; none when its writer has closed it, or nobody waits any more."""
    poll = select.poll()
    poll.register(pipe, select.POLLIN)
    while not poll.poll(LOOK * 1000):
        if os.getppid() != parent or not os.path.exists(path):  # noqa: PTH110
            return b""
    return os.read(pipe, 65536)


def claimed(path: str, told: bytes) -> bytes:
    """The text, if it is still for us to tell; else nothing."""
    claim, _, text = told.partition(b"\n")
    mine = os.fsencode(path) + b"." + claim
    try:
        os.rename(mine, mine + b".taken")  # noqa: PTH104 -- it loads less
    except OSError:
        return b""
    return text


def main() -> int:
    """Wait, tell, end."""
    path, parent = sys.argv[1], os.getppid()
    try:
        if not os.path.exists(path):  # noqa: PTH110
            os.mkfifo(path, 0o600)
        lock = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until we end
        while told := read_whole(path, parent):
            if text := claimed(path, told):
                sys.stderr.buffer.write(text)
                sys.stderr.buffer.flush()
                return REWAKE
    except OSError:
        pass  # another one waits, or the session has left
    return 0


if __name__ == "__main__":
    sys.exit(main())
