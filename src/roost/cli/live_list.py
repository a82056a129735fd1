"""`list` that goes on: the table on the whole terminal, drawn anew when a peer changes."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Generator
from io import StringIO
from queue import Empty, SimpleQueue
from types import FrameType

from roost.cli.app import App
from roost.cli.output import follow_terminal, is_terminal, local, one_line, paint, say
from roost.cli.registry import show_rows
from roost.client.connection import ConnectionLostError, Record
from roost.errors import NoDaemonError, RoostError, UsageError

TICK = 1.0
"""Seconds after which it is drawn again: the table tells for how long."""
RETRY = 0.5
"""Seconds between two tries to reach a daemon that went away."""
_ENTER = "\x1b[?1049h\x1b[?25l"
_LEAVE = "\x1b[?25h\x1b[?1049l"


class _Frame(StringIO):
    """What is drawn, before it goes to the terminal in one piece; as wide as that."""

    def isatty(self) -> bool:
        """As the terminal."""
        return True

    def fileno(self) -> int:
        """The terminal's."""
        return 1


class LiveList:
    """All peers as the daemon tells of them, through its restarts."""

    def __init__(self, app: App, *, everywhere: bool) -> None:
        """Of the daemon that `app` asks; `everywhere`: those of other hosts, too."""
        self._app = app
        self._asked: Record = {"follow": True, **({"all": True} if everywhere else {})}
        self._news: SimpleQueue[Record | RoostError] = SimpleQueue()
        self._rows: dict[str, Record] = {}
        self._trouble: str | None = None

    def show(self) -> None:
        """Draw until Ctrl-C. Raises UsageError where there is no terminal, NoDaemonError."""
        if self._app.json or not is_terminal(sys.stdout):
            raise UsageError(
                "--watch draws on a terminal; elsewhere follow `roost events --follow`, or ask `roost list`"
            )
        self._app.call("list")  # refused before the screen is taken
        follow_terminal()
        threading.Thread(target=self._follow, daemon=True).start()
        with _screen():
            while True:
                self._draw()
                self._take(TICK)

    def _follow(self) -> None:
        """In its own thread: all that the daemon tells, and why it tells nothing."""
        while True:
            try:
                self._app.call("list", self._asked, on_event=self._news.put, patience=None)
            except RoostError as error:
                self._news.put(error)
            time.sleep(RETRY)

    def _take(self, seconds: float) -> None:
        """All news that there is, after waiting so long for the first of it."""
        with contextlib.suppress(Empty):
            news = self._news.get(timeout=seconds)
            while True:
                self._learn(news)
                news = self._news.get_nowait()

    def _learn(self, news: Record | RoostError) -> None:
        if isinstance(news, RoostError):
            away = isinstance(news, NoDaemonError | ConnectionLostError)
            self._trouble = "the daemon is away; this is what it told last" if away else news.message
            return
        if self._trouble is not None:  # it comes with all rows again
            self._rows, self._trouble = {}, None
        self._rows.update({str(row["name"]): row for row in news["rows"]})
        for name in news["gone"]:
            self._rows.pop(name, None)

    def _draw(self) -> None:
        frame, terminal = _Frame(), sys.stdout
        sys.stdout = frame
        try:
            if self._trouble is not None:
                say(paint(local(one_line(self._trouble)), "red"))
            if self._rows:
                show_rows(list(self._rows.values()))
            elif self._trouble is None:
                say("no peers yet; `roost add NAME --runtime R` makes one")
        finally:
            sys.stdout = terminal
        lines = frame.getvalue().splitlines()
        room = os.get_terminal_size(1).lines or len(lines)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"... {len(lines) - room + 1} more lines"]
        terminal.write("\x1b[H" + "\x1b[K\n".join(lines) + "\x1b[K\x1b[J")
        terminal.flush()


@contextlib.contextmanager
def _screen() -> Generator[None]:
    """The terminal's other screen; it has its own back however this ends but by SIGKILL."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, end)
    sys.stdout.write(_ENTER)
    try:
        yield
    finally:
        sys.stdout.write(_LEAVE)
        sys.stdout.flush()
        signal.signal(signal.SIGTERM, before)
