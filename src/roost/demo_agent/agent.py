"""The agent's loop: input, turns, the screen."""

import contextlib
import os
import select
import signal
import time
from collections import deque
from types import FrameType

from roost.console.composer import Composer
from roost.console.decoder import Decoder, Event, Kind
from roost.console.screen import Screen, clean, wrap
from roost.console.terminal import Terminal
from roost.demo_agent.conversation import Conversation
from roost.demo_agent.log import Log
from roost.demo_agent.status import Status
from roost.demo_agent.turn import Leave, Outcome, Services, Turn

PROMPT = "demo> "
BUSY = "working (esc to interrupt)"
COMPACT = "/compact"
DIALOG = "Allow? [Enter = yes, Esc = no]"
_ESCAPE_PATIENCE = 0.05
_MOST_DRAFT_SHOWN = 4000
_MOST_PROMPT_LINES = 6
_ENDING_SIGNALS = {signal.SIGTERM: 143, signal.SIGHUP: 129}


def _leave(number: int, _frame: FrameType | None) -> None:
    """End in order at once, also out of a write that the terminal does not take."""
    _end_once()
    raise Leave(128 + number, signal.Signals(number).name)


def _end_once() -> None:
    """A second signal changes nothing. Not by ignoring it: Python warns of one that is on its way then."""
    for number in _ENDING_SIGNALS:
        signal.signal(number, lambda _number, _frame: None)


class Agent:
    """The program between its terminal and its conversation."""

    def __init__(self, terminal: Terminal, conversation: Conversation, log: Log, status: Status) -> None:
        """Read `ROOST_SESSION`, `ROOST_URL` and `ROOST_TOKEN` from the environment."""
        self._terminal = terminal
        self._status = status
        self._log = log
        self._screen = Screen(terminal)
        self._decoder = Decoder()
        self._composer = Composer()
        self._queue: deque[str] = deque()
        self._turn: Turn | None = None
        self._enters_to_drop = 0
        self._quitting = False
        self._resized = False
        self._interrupted = False
        self._attached = True
        self._woken, self._waker = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(self._waker, False)
        self._services = Services(
            conversation=conversation,
            log=log,
            session=os.environ.get("ROOST_SESSION", ""),
            url=os.environ.get("ROOST_URL", ""),
            token=os.environ.get("ROOST_TOKEN", ""),
            say=self._say,
            wake=self._wake,
            show=self._show,
            drop_enters=self._drop_enters,
        )

    def run(self, header: list[str]) -> int:
        """Run until the agent leaves; return its exit code."""
        try:
            self._catch_signals()
            self._terminal.enter()
            for line in header:
                self._screen.say(line)
            self._show()
            while True:
                self._step()
        except Leave as leave:
            _end_once()
            self._log.write("exit", leave.reason)
            self._status.remove()
            return leave.code
        finally:
            self._terminal.leave()

    def _catch_signals(self) -> None:
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        for number in _ENDING_SIGNALS:
            signal.signal(number, _leave)
        signal.signal(signal.SIGWINCH, self._on_resize)
        signal.signal(signal.SIGINT, self._on_interrupt)

    def _on_resize(self, _number: int, _frame: FrameType | None) -> None:
        self._resized = True

    def _on_interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._interrupted = True

    def _wake(self) -> None:
        # A full pipe wakes the loop as well.
        with contextlib.suppress(BlockingIOError):
            os.write(self._waker, b"\0")

    def _say(self, text: str, mark: str) -> None:
        self._screen.say(text, mark, most_lines=self._screen.height)

    def _drop_enters(self, count: int) -> None:
        self._enters_to_drop += count

    def _step(self) -> None:
        """Wait for something, take it in, go on with the turn, show the result."""
        sources = [self._woken, self._terminal.input] if self._attached else [self._woken]
        ready, _, _ = select.select(sources, [], [], self._timeout())
        if self._woken in ready:
            os.read(self._woken, 4096)
        if self._terminal.input in ready:
            data = self._terminal.read()
            if not data:
                self._terminal_gone()
            events = self._decoder.feed(data)
        else:
            events = self._decoder.flush() if not ready else []
        for event in events:
            self._take(event)
        if self._interrupted:
            self._interrupted = False
            self._control_c()
        if self._resized:
            self._resized = False
            self._screen.resize()
        self._advance()
        self._show()

    def _timeout(self) -> float | None:
        """Return how many seconds the loop may wait, None for any time."""
        if self._decoder.holds_escape:
            return _ESCAPE_PATIENCE
        if self._turn and self._turn.until:
            return max(self._turn.until - time.monotonic(), 0)
        return None

    def _terminal_gone(self) -> None:
        """Leave like any program that is hung up; one that ignores the hang-up lives on unseen."""
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            raise Leave(_ENDING_SIGNALS[signal.SIGHUP], "terminal gone")
        self._attached = False

    def _take(self, event: Event) -> None:
        """Act on one input."""
        if not (event.kind is Kind.KEY and event.value == "ctrl-c"):
            self._quitting = False
        if self._turn and self._turn.dialog:
            self._take_in_dialog(self._turn, event)
        elif event.kind is Kind.PASTE:
            self._composer.paste(event.value)
        elif event.kind is Kind.TEXT:
            self._composer.type(event.value)
        else:
            self._take_key(event.value)
        self._advance()

    def _take_in_dialog(self, turn: Turn, event: Event) -> None:
        """Only keys answer the dialog; a paste is ignored."""
        if event.kind is Kind.PASTE:
            return
        if event.value in {"enter", "y", "Y"}:
            turn.answer(allowed=True)
        elif event.value in {"escape", "n", "N"}:
            turn.answer(allowed=False)
        elif event.value == "ctrl-c":
            turn.interrupt()

    def _take_key(self, key: str) -> None:
        match key:
            case "enter":
                self._submit()
            case "newline":
                self._composer.type("\n")
            case "backspace":
                self._composer.backspace()
            case "ctrl-u":
                self._composer.clear()
            case "escape":
                if self._turn:
                    self._turn.interrupt()
            case "ctrl-c":
                self._control_c()
            case "ctrl-d" if not self._turn and not self._composer:
                raise Leave(0, "quit")
            case _:
                pass

    def _control_c(self) -> None:
        """Interrupt the turn, or clear the draft, or leave at the second time."""
        if self._turn:
            self._turn.interrupt()
        elif self._composer:
            self._composer.clear()
        elif self._quitting:
            raise Leave(0, "quit")
        else:
            self._quitting = True

    def _submit(self) -> None:
        if self._enters_to_drop:
            self._enters_to_drop -= 1
            return
        if not self._composer.text.strip():
            return
        text = self._composer.take()
        if self._turn and self._turn.steered and text.strip() != COMPACT:
            self._screen.say(text, "> ", most_lines=_MOST_PROMPT_LINES)
            self._turn.join(text)
        else:
            self._queue.append(text)

    def _advance(self) -> None:
        """Go on with the turn; when it has ended, take the next queued message."""
        while True:
            if self._turn:
                self._turn.advance()
                if self._turn.outcome is None:
                    break
                self._put_back(self._turn)
                self._turn = None
            if not self._queue:
                break
            text = self._queue.popleft()
            if text.strip() == COMPACT:
                self._compact()
                continue
            self._screen.say(text, "> ", most_lines=_MOST_PROMPT_LINES)
            self._turn = Turn(text, self._services)
            self._show()

    def _put_back(self, turn: Turn) -> None:
        """Give an interrupted turn's prompt back as a paste, where nothing else was typed or queued."""
        untouched = not self._queue and not self._composer
        if turn.restored and turn.outcome is Outcome.INTERRUPTED and untouched:
            self._composer.paste(turn.prompt)

    def _compact(self) -> None:
        """Forget the conversation's texts; how many there were stays known."""
        count = self._services.conversation.count()
        self._log.write("compact", str(count))
        self._services.conversation.compact()
        self._screen.say(f"compacted: {count} earlier messages", "  ")

    def _show(self) -> None:
        """Make the screen and the status file say what is so."""
        if self._turn and self._turn.dialog:
            self._screen.draw([DIALOG])
            self._status.show("waiting", "permission")
            return
        block: list[str] = []
        if self._turn:
            block.append(BUSY)
        if self._queue:
            block.append(f"queued: {len(self._queue)}")
        if self._quitting:
            block.append("press ctrl-c again to quit")
        block.extend(self._draft_rows())
        self._screen.draw(block)
        self._status.show("busy" if self._turn else "idle")

    def _draft_rows(self) -> list[str]:
        """Return the prompt line with the draft, its end if it is too long to be shown whole."""
        room = max(self._screen.height - 4, 1)
        indent = " " * len(PROMPT)
        rows = [
            row
            for line in self._composer.shown[-_MOST_DRAFT_SHOWN:].split("\n")
            for row in wrap(clean(line), self._screen.width - len(PROMPT))
        ][-room:]
        return [PROMPT + rows[0], *(indent + row for row in rows[1:])]
