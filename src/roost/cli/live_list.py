"""`list` that goes on: the table on the whole terminal, drawn anew when a peer changes."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from io import StringIO
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
_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
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
        self._learning = threading.Lock()
        self._news = threading.Event()
        self._shown = b""
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
        with _screen(lambda: self._shown):
            while True:
                self._news.clear()
                self._draw()
                self._news.wait(TICK)

    def _follow(self) -> None:
        """In its own thread: all that the daemon tells, and why it tells nothing."""
        while True:
            try:
                self._app.call("list", self._asked, on_event=self._learn, patience=None)
            except RoostError as error:
                self._learn(error)
            time.sleep(RETRY)

    def _learn(self, news: Record | RoostError) -> None:
        """Keep how things are now: while the terminal stands still, what was before is not waited with."""
        with self._learning:
            if isinstance(news, RoostError):
                away = isinstance(news, NoDaemonError | ConnectionLostError)
                self._trouble = "the daemon is away; this is what it told last" if away else news.message
            else:
                if self._trouble is not None:  # it comes with all rows again
                    self._rows, self._trouble = {}, None
                self._rows.update({str(row["name"]): row for row in news["rows"]})
                for name in news["gone"]:
                    self._rows.pop(name, None)
        self._news.set()

    def _draw(self) -> None:
        with self._learning:
            rows, trouble = list(self._rows.values()), self._trouble
        frame, terminal = _Frame(), sys.stdout
        sys.stdout = frame
        try:
            if trouble is not None:
                say(paint(local(one_line(trouble)), "red"))
            if rows:
                show_rows(rows)
            elif trouble is None:
                say("no peers yet; `roost add NAME --runtime R` makes one")
        finally:
            sys.stdout = terminal
        lines = frame.getvalue().splitlines()
        room = os.get_terminal_size(1).lines or len(lines)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"... {len(lines) - room + 1} more lines"]
        drawn = "\x1b[H" + "\x1b[K\n".join(lines) + "\x1b[K\x1b[J"
        self._shown = drawn.encode(terminal.encoding, terminal.errors or "strict")
        terminal.write(drawn)
        terminal.flush()


@contextlib.contextmanager
def _screen(shown: Callable[[], bytes]) -> Generator[None]:
    """The terminal's other screen; it has its own back however this ends but by SIGKILL, and at Ctrl-Z.

    `shown`: what stands on it.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    def aside(number: int, _frame: FrameType | None) -> None:
        # Not by sys.stdout, which may be in the middle of a frame.
        os.write(1, _LEAVE.encode())
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)  # stopped here, where there is a shell that can go on with it
        signal.signal(number, aside)
        os.write(1, _ENTER.encode() + shown())

    handlers = {**dict.fromkeys(_ENDS, end), signal.SIGTSTP: aside}
    # What its starter has ignored stays so, as SIGHUP by nohup.
    before = {number: signal.getsignal(number) for number in handlers}
    ours = [number for number, was in before.items() if was != signal.SIG_IGN]
    sys.stdout.write(_ENTER)
    sys.stdout.flush()
    try:
        for number in ours:
            signal.signal(number, handlers[number])
        yield
    finally:
        with contextlib.suppress(OSError):  # a terminal that was closed
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
        for number in ours:
            signal.signal(number, before[number])
