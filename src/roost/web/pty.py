"""A tmux client on a pseudo terminal of ours: what it shows, and keys into it."""

import asyncio
import contextlib
import fcntl
import os
import pty
import signal
import struct
import termios
from collections.abc import Callable, Sequence

CHUNK = 16 * 1024
"""Bytes that are taken at a time. What is not taken tmux drops, and draws anew (tmux 3.3a)."""
GRACE = 0.5
"""Seconds that a client has to leave."""


class Pty:
    """One client, in a terminal that is a plain xterm."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        """Use `Pty.start`."""
        self._master = master
        self._process = process
        self._loop = asyncio.get_running_loop()

    @classmethod
    async def start(cls, argv: Sequence[str], columns: int, rows: int) -> "Pty":
        """Start a client at this size; raises OSError."""
        master, slave = pty.openpty()
        try:
            os.set_blocking(master, False)
            _resize(master, columns, rows)
            environ = {name: value for name, value in os.environ.items() if name not in ("TMUX", "TMUX_PANE")}
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=slave,
                stdout=slave,
                stderr=slave,
                env={**environ, "TERM": "xterm-256color"},
                start_new_session=True,
            )
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        return cls(master, process)

    def unseen(self) -> "Pty":
        """Have what it shows thrown away: nobody reads it."""
        self._loop.add_reader(self._master, self._discard)
        return self

    def _discard(self) -> None:
        try:
            gone = not os.read(self._master, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            self._loop.remove_reader(self._master)

    def resize(self, columns: int, rows: int) -> None:
        """Give it another size. It has no controlling terminal and is told by us."""
        _resize(self._master, columns, rows)
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGWINCH)

    async def read(self) -> bytes:
        """What it shows next; empty once it has left."""
        while True:
            try:
                return os.read(self._master, CHUNK)
            except BlockingIOError:
                await _ready(self._master, self._loop.add_reader, self._loop.remove_reader)
            except OSError:  # how the other end of a pseudo terminal closes
                return b""

    async def write(self, data: bytes) -> None:
        """Press keys; raises OSError where it has left."""
        while data:
            try:
                data = data[os.write(self._master, data) :]
            except BlockingIOError:
                await _ready(self._master, self._loop.add_writer, self._loop.remove_writer)

    async def close(self) -> None:
        """Have it leave; what runs in the terminal goes on."""
        self.unseen()  # it says farewell to its terminal, and waits until that is taken
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            async with asyncio.timeout(GRACE):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        finally:
            self._loop.remove_reader(self._master)
            os.close(self._master)


async def _ready(
    master: int, add: Callable[[int, Callable[[], None]], None], remove: Callable[[int], bool]
) -> None:
    ready = asyncio.Event()
    add(master, ready.set)
    try:
        await ready.wait()
    finally:
        remove(master)


def _resize(master: int, columns: int, rows: int) -> None:
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
