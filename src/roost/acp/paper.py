"""The terminal on standard input and output, written to without waiting for it."""

import contextlib
import os
import termios
from collections.abc import Callable

from roost.acp.loop import READ, WRITE, Loop
from roost.console.terminal import Terminal


class Paper:
    """A terminal in raw mode. One that takes no output keeps nobody waiting: then it is `busy`."""

    def __init__(self, loop: Loop, terminal: Terminal) -> None:
        """Nothing is changed before `enter`."""
        self._loop = loop
        self._terminal = terminal
        self._pending = b""
        self._typed: Callable[[bytes], None] = lambda _data: None
        self._free: Callable[[], None] = lambda: None

    @property
    def busy(self) -> bool:
        """Whether it has not taken yet what was written last."""
        return bool(self._pending)

    def enter(self, typed: Callable[[bytes], None], free: Callable[[], None]) -> None:
        """Switch to raw mode. `typed` gets what is typed (b"": the terminal is gone).

        `free` is called when it has taken all that was written.
        """
        self._typed, self._free = typed, free
        self._terminal.enter()
        os.set_blocking(self._terminal.output, False)
        self._loop.watch(self._terminal.input, READ, self._on_event)

    def leave(self) -> None:
        """Give the terminal back as it was."""
        self._loop.watch(self._terminal.input, 0, self._on_event)
        self._loop.watch(self._terminal.output, 0, self._on_event)
        with contextlib.suppress(OSError):
            self._flush()
        with contextlib.suppress(OSError, termios.error):
            os.set_blocking(self._terminal.output, True)
            self._terminal.leave()

    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._terminal.size()

    def write(self, data: bytes) -> None:
        """Write as much as it takes now, the rest as soon as it takes it."""
        self._pending += data
        self._flush()

    def _on_event(self, events: int) -> None:
        if events & READ:
            try:
                data = os.read(self._terminal.input, 1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._loop.watch(self._terminal.input, 0, self._on_event)
            self._typed(data)

    def _on_room(self, _events: int) -> None:
        self._flush()
        if not self._pending:
            self._free()

    def _flush(self) -> None:
        try:
            while self._pending:
                self._pending = self._pending[os.write(self._terminal.output, self._pending) :]
        except BlockingIOError:
            pass
        except OSError:
            self._pending = b""
        self._loop.watch(self._terminal.output, WRITE if self._pending else 0, self._on_room)
