"""One turn: a prompt, what it makes the agent do, and how it ends."""

import os
import signal
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from roost.demo_agent.children import fork_daemon
from roost.demo_agent.conversation import Conversation
from roost.demo_agent.directives import Act, Directive, plan
from roost.demo_agent.envelope import Message, parse, pointer
from roost.demo_agent.log import Log

if TYPE_CHECKING:
    from roost.demo_agent.mcp import Call, Client

_NOT_AN_END = {signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGSTOP, signal.SIGTSTP}
_LONGEST_TEXT = 4 * 1024 * 1024


class Leave(BaseException):
    """The way out, past every handler: the agent ends in order with this exit code, for this reason."""

    def __init__(self, code: int, reason: str) -> None:
        """Keep both as attributes."""
        super().__init__(code, reason)
        self.code = code
        self.reason = reason


class Outcome(StrEnum):
    """How a turn ended."""

    DONE = "done"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


class Services(NamedTuple):
    """What a turn works with."""

    conversation: Conversation
    log: Log
    session: str
    url: str
    token: str
    say: Callable[[str, str], None]
    """Shows text with a mark before it."""
    wake: Callable[[], None]
    """Makes the agent's loop look again; may be called from any thread."""
    show: Callable[[], None]
    """Brings the screen and the status file up to date."""
    drop_enters: Callable[[int], None]
    traceparent: str = ""
    """The span that its client named for this turn."""


class Turn:
    """A running turn. `advance` does what can be done now; `outcome` is set when it has ended.

    `steered`: it takes in what is submitted while it runs. `restored`: interrupted, it gives its prompt back.
    """

    __slots__ = (
        "_call",
        "_client",
        "_failed",
        "_message",
        "_sent",
        "_services",
        "_steps",
        "dialog",
        "outcome",
        "prompt",
        "restored",
        "steered",
        "until",
    )

    def __init__(self, text: str, services: Services) -> None:
        """Take the prompt: it is logged and recorded here."""
        self.prompt = text
        self._services = services
        self._failed = False
        self._steps: deque[tuple[Message, Directive]] = deque()
        self._message = self._take(text, joins=False)
        self._client: Client | None = None
        self._call: Call | None = None
        self._sent: dict[str, int] = {}
        self.dialog = False
        self.steered = False
        self.restored = False
        self.until = 0.0
        """Monotonic seconds at which a delay is over; 0 without one."""
        self.outcome: Outcome | None = None

    def join(self, text: str) -> None:
        """Take one more prompt into the turn, which thinks no longer and goes on with all that is to do."""
        self._take(text, joins=True)
        self.until = 0.0

    def _take(self, text: str, *, joins: bool) -> Message:
        self._services.log.write("prompt", text)
        message = parse(text)
        self._services.conversation.user(text, joins=joins)
        self._steps.extend((message, step) for step in self._plan(message))
        return message

    def _plan(self, message: Message) -> list[Directive]:
        """Return what a message makes it do.

        For the note that a turn was cut off this is what the message said when it first came, all of it:
        whatever ended the agent then ends it again.
        """
        body = message.body
        if message.goes_on:
            said = map(parse, self._services.conversation.prompts())
            body = next((found.body for found in said if found.id == message.id and not found.goes_on), body)
        return plan(self._whole(message, body), answer=message.wants_answer, reply=bool(message.reply_to))

    def _whole(self, message: Message, body: str) -> str:
        """Return the body, read from its file if it only points there."""
        place = pointer(body) if message.id else ""
        if not place:
            return body
        try:
            text = read_long_text(place)
        except (OSError, ValueError) as error:
            self._complain(f"cannot read the message's text: {error}")
            return body
        self._services.log.write("read", text)
        return text

    def advance(self) -> None:
        """Go on until the turn ends or has to wait: for time, for the dialog or for a call."""
        while self.outcome is None and not self._waits():
            if not self._steps:
                self._end(Outcome.FAILED if self._failed else Outcome.DONE)
                return
            self._message, step = self._steps.popleft()
            self._perform(step)

    def answer(self, *, allowed: bool) -> None:
        """Close the dialog."""
        word = "allowed" if allowed else "denied"
        self._services.log.write("dialog", word)
        self.dialog = False
        self._services.say(word, "  ")

    def interrupt(self) -> None:
        """End the turn now."""
        if self.dialog:
            self._services.log.write("dialog", "interrupted")
        if self._call:
            self._call.cancel()
        self._end(Outcome.INTERRUPTED)

    def _waits(self) -> bool:
        """Whether something has to happen first; takes in what has happened."""
        if self.until and time.monotonic() >= self.until:
            self.until = 0.0
        if self._call and self._call.done:
            if self._call.error:
                self._complain(f"not sent: {self._call.error}")
            self._call = None
        return self.dialog or bool(self.until) or self._call is not None

    def _end(self, outcome: Outcome) -> None:
        self._services.log.write("turn_end", outcome)
        self._services.conversation.turn_end(outcome)
        if outcome is not Outcome.DONE:
            self._services.say(outcome, "  ")
        self.dialog = False
        self.outcome = outcome

    def _complain(self, text: str) -> None:
        self._failed = True
        self._services.say(text, "! ")

    def _perform(self, step: Directive) -> None:  # noqa: C901, PLR0912  (one flat case per directive)
        count = int(step.number)
        match step.act:
            case Act.DELAY:
                self.until = time.monotonic() + step.number
            case Act.REPLY:
                self._reply(step.text)
            case Act.RECALL:
                self._reply(str(self._services.conversation.count() - 1))
            case Act.SEND | Act.THANK:
                self._services.say(f"to {step.peer}: {step.text}", "> ")
                self._send({"to": step.peer, "body": step.text})
            case Act.ASK:
                self._services.log.write("dialog", "open")
                self._services.say("The agent wants to do something that needs permission.", "  ")
                self.dialog = True
            case Act.EXIT:
                self._services.show()
                raise Leave(count, f"exit {count}")
            case Act.KILL:
                self._kill(count)
            case Act.HANG:
                self._services.show()
                _hang()
            case Act.FORK:
                for _ in range(count):
                    self._services.say(f"left process {fork_daemon()} behind", "  ")
            case Act.IGNORE:
                self._ignore(count)
            case Act.DROP_ENTER:
                self._services.drop_enters(count)
            case Act.STEER:
                self.steered = True
            case Act.WRITE:
                self._write(step.text)
            case Act.RESTORE:
                self.restored = True
            case Act.COMPLAIN:
                self._complain(step.text)
            case Act.SILENT:
                pass

    def _reply(self, text: str) -> None:
        """Answer: on the screen, in the conversation, and to the sender if a message brought the prompt."""
        self._services.conversation.assistant(text)
        self._services.say(text, "< ")
        if self._message.id:
            self._send({"to": self._message.sender, "body": text, "reply_to": self._message.id})

    def _send(self, arguments: dict[str, str]) -> None:
        """Begin a `send_message`; without a message service nothing is sent."""
        if not self._services.url:
            return
        # Loaded at the first call, so that the prompt appears without waiting for it.
        from roost.demo_agent.mcp import Call, Client  # noqa: PLC0415

        origin = self._message.id or f"prompt-{self._services.conversation.count()}"
        self._sent[origin] = self._sent.get(origin, 0) + 1
        key = f"{origin}:{self._sent[origin]}"
        try:
            client = self._client or Client(
                self._services.url, self._services.token, self._services.traceparent
            )
        except ValueError as error:
            self._complain(str(error))
            return
        self._client = client
        self._call = Call(client, "send_message", {**arguments, "key": key}, self._services.wake)

    def _write(self, path: str) -> None:
        """Append a line to a file, and record that."""
        try:
            with open(path, "ab") as file:
                file.write(b"written by the demo agent\n")
        except OSError as error:
            self._complain(f"cannot write {path}: {error.strerror}")
            return
        self._services.conversation.wrote(path)

    def _kill(self, number: int) -> None:
        """Send a signal to this very process; one that ends it is logged first."""
        self._services.show()
        handled = signal.getsignal(number)
        if handled is signal.SIG_DFL and number not in _NOT_AN_END:
            self._services.log.write("exit", f"kill {signal.Signals(number).name}")
        os.kill(os.getpid(), number)

    def _ignore(self, number: int) -> None:
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            self._complain(f"cannot ignore {signal.Signals(number).name}")


def read_long_text(place: str) -> str:
    """Return the text of a message that was too long to paste.

    Raises OSError, also when the file is not below `ROOST_HOME`: a body may be a forged pointer, and its
    first line goes back to its sender.
    """
    home = os.path.realpath(os.environ.get("ROOST_HOME") or os.devnull)
    path = os.path.realpath(place)
    if os.path.commonpath([home, path]) != home:
        message = f"{place} is not in ROOST_HOME"
        raise PermissionError(message)
    with open(path, "rb") as file:
        return file.read(_LONGEST_TEXT).decode("utf-8", "replace")


def _hang() -> None:
    """Never return: the terminal is not read, the turn is busy for ever; signals act as by default."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    while True:
        signal.pause()
