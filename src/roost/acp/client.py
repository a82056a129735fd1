"""The client between its agent, its terminal, its record and whoever calls it."""

import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from roost.acp.agent import Agent, End
from roost.acp.folder import BadIdError
from roost.acp.handshake import Handshake, Opened, Wish
from roost.acp.history import History
from roost.acp.loop import Loop
from roost.acp.pane import Footer, Pane
from roost.acp.paper import Paper
from roost.acp.permissions import Permissions
from roost.acp.questions import Question, Questions
from roost.acp.record import Record
from roost.acp.rpc import NO_METHOD, Asked, Noise, Rpc, Told
from roost.acp.status import BUSY, IDLE, STARTING, WAITING, Status
from roost.acp.talk import Talk
from roost.acp.turns import CALL, COMPACT, PERSON, Done, Turns
from roost.acp.updates import NOTE, OURS, TROUBLE, Reader, commands_in, is_answer, kind_of

_MOST_NOISE = 20
_TICK = 1.0
_STARTS = 600.0
"""Seconds for an agent to open its session."""
_FAILED = 1
_NOT_FOUND = 127
_HUNG_UP = 128 + signal.SIGHUP


class Client:
    """One session with one agent. `over` is called once, when the agent and all its group have ended."""

    def __init__(
        self, loop: Loop, paper: Paper, record: Record, status: Status, over: Callable[[End], None]
    ) -> None:
        """Nothing is started yet."""
        self._loop = loop
        self._record = record
        self._status = status
        self._over = over
        self._pane = Pane(loop, paper, self)
        self._questions = Questions(self._changed)
        self._agent = Agent(loop, self._on_line, self._on_end)
        self._rpc = Rpc(self._agent.send)
        self._turns = Turns(self._rpc, self._agent, record, self._questions, self._changed, self._on_turn_end)
        self._permissions = Permissions(self._rpc, self._questions, record)
        self._handshake: Handshake | None = None
        self._history = History()
        self._reader = Reader()
        self._talk = Talk(record)
        self._commands: Sequence[str] = ()
        self._name = ""
        self._instructions = ""
        self._noise = 0
        self._since = loop.now()
        self._leaves: int | None = None

    # ---------------------------------------------------------------------- from its start to its end

    def start(self, argv: Sequence[str], wish: Wish, instructions: str) -> None:
        """Start the agent and open the session."""
        self._name = " ".join(argv)[:200]
        self._instructions = instructions
        self._pane.enter()
        try:
            self._agent.start(argv)
        except OSError as error:
            self._pane.say(f"{argv[0]} cannot be started: {error.strerror}", TROUBLE)
            self._finish(End(_NOT_FOUND, 0))
            return
        self._handshake = Handshake(self._rpc, self._questions, wish, self._on_opened, self._fail)
        self._handshake.begin()
        self._changed()
        self._tick()

    def child_ended(self) -> None:
        """A child of ours has ended."""
        self._agent.look()

    def resized(self) -> None:
        """The terminal has another size."""
        self._pane.resize()

    def end(self, code: int, number: int = 0) -> None:
        """Let the agent leave, then leave with this code. `number`: a signal that its group gets at once."""
        if self._leaves is None:
            self._leaves = code
            self._status.show(state=STARTING, question=None, asks=[])
            self._agent.end()
        if number:
            self._agent.interrupt_all(number)

    def _fail(self, why: str) -> None:
        self._trouble(why)
        self.end(_FAILED)

    def _on_end(self, end: End) -> None:
        if self._leaves is None:
            self._trouble(f"its agent has ended: {end.words}")
        if self._leaves is None or self._leaves == _FAILED:
            for line in self._agent.said:
                self._pane.say(line, TROUBLE)
        self._finish(end if self._leaves is None else End(self._leaves, 0))

    def _finish(self, end: End) -> None:
        self._pane.leave()
        self._status.remove()
        self._over(end)

    def _tick(self) -> None:
        """A start that takes its time looks as if it went on."""
        if self._turns.conversation or self._leaves is not None:
            return
        if self._loop.now() - self._since >= _STARTS and self._questions.first is None:
            self._fail(f"the agent has opened no session within {_STARTS:g} s")
            return
        self._changed()
        self._loop.after(_TICK, self._tick)

    def _on_opened(self, opened: Opened) -> None:
        replayed = self._history.prompts if opened.loaded else []
        first: list[tuple[str, dict[str, object]]] = [
            (
                "session",
                {
                    "conversation": opened.conversation,
                    "loaded": opened.loaded,
                    "loads": opened.loads,
                    "replayed": len(replayed),
                    "why": opened.why,
                },
            )
        ]
        first.extend(("replayed", {"text": text}) for text in replayed)
        try:
            self._record.open(opened.conversation, first)
        except (OSError, BadIdError) as error:
            self._fail(f"no record can be kept: {error}")
            return
        self._history = History()
        if opened.why is not None:
            self._trouble(f"a fresh conversation begins, the last one cannot be gone on with: {opened.why}")
        begun = "loaded" if opened.loaded else "begun"
        self._pane.say(f"{opened.agent or 'agent'}: conversation {opened.conversation} {begun}", NOTE)
        if not opened.tools:
            self._pane.say("this agent takes no tools over HTTP: it can send no messages by itself", NOTE)
        self._turns.conversation = opened.conversation
        self._turns.instructions = "" if opened.loaded else self._instructions
        note = None if opened.why is None else f"fresh, its last conversation cannot be loaded: {opened.why}"
        self._status.show(conversation=opened.conversation, note=note)
        self._changed()

    # -------------------------------------------------------------------------------- what the agent says

    def _on_line(self, line: bytes) -> None:
        """Whatever an agent says, and whatever is wrong with us, its session goes on."""
        try:
            self._take(line)
        except Exception as error:  # noqa: BLE001 -- as above
            self._trouble(f"a defect of roost's client: {error!r}; the line was {line[:200]!r}")

    def _take(self, line: bytes) -> None:
        match self._rpc.receive(line):
            case Noise(text):
                self._on_noise(text)
            case Told("session/update", params):
                self._on_update(params)
            case Asked(request, "session/request_permission", params):
                self._permissions.ask(request, params)
            case Asked(request, method, _):
                self._rpc.refuse(request, NO_METHOD, f"this client has no {method}")
            case _:
                pass

    def _on_noise(self, text: str) -> None:
        """It prints what is no message; some of it is shown, none of it does any harm."""
        self._noise += 1
        if self._noise <= _MOST_NOISE:
            self._pane.say(text, TROUBLE, most=2)

    def _on_update(self, params: Mapping[str, Any]) -> None:
        update: object = params.get("update")
        if not isinstance(update, dict):
            return
        found = cast("dict[str, Any]", update)
        loading = self._handshake is not None and self._handshake.loading
        if loading:
            self._history.take(found)
        elif is_answer(found):
            self._turns.on_answer()
            self._talk.take(found)
        if kind_of(found) == "available_commands_update":
            self._commands = commands_in(found)
        if not loading and kind_of(found) == "user_message_chunk":
            return  # its echo of what is shown already
        for piece in self._reader.read(found):
            self._pane.show(piece)

    def _on_turn_end(self, words: str) -> None:
        self._talk.end()
        self._reader.forget()
        self._pane.say(words, NOTE)
        self._status.show(note=None)

    # ------------------------------------------------------------------------------ what callers ask for

    def submit(self, key: str, text: str, done: Done, traceparent: str | None) -> None:
        """Give the agent a prompt, once for each key, as part of that trace."""
        self._submit(key, text, CALL, done, traceparent)

    def has(self, key: str) -> bool:
        """Whether it was given the prompt of that key."""
        return self._turns.has(key)

    def interrupt(self) -> None:
        """End the turn; at rest do nothing."""
        if self._turns.cancel():
            self._pane.say("cancelling", NOTE)

    def compact(self, done: Done) -> None:
        """Give the agent its own command for that."""
        if COMPACT.removeprefix("/") not in self._commands:
            done("its agent knows no command that compacts a conversation")
        else:
            self._submit(None, COMPACT, CALL, done)

    def answer(self, question: str, option: str, by: str = CALL) -> str | None:
        """Answer a question; returns why that cannot be."""
        return self._permissions.answer(question, option, by)

    def _submit(
        self, key: str | None, text: str, by: str, done: Done, traceparent: str | None = None
    ) -> None:
        if self._leaves is not None:
            done("it is leaving")
            return
        before = self._turns.running
        self._turns.submit(key, text, by, done, traceparent)
        if self._turns.running is not before:
            self._pane.say(text, OURS)

    # ------------------------------------------------------------------------------- what a person does

    def typed(self, text: str) -> str | None:
        """Give the agent a prompt; returns why that cannot be."""
        said: list[str | None] = []
        self._submit(None, text, PERSON, said.append)
        return said[0] if said else None

    def answered(self, question: Question, number: int) -> str | None:
        """Answer by the option's number."""
        if not 1 <= number <= len(question.options):
            return f"there is no answer {number}"
        return self.answer(question.id, question.options[number - 1].id, PERSON)

    def cancelled(self) -> str | None:
        """End the turn."""
        if self._turns.running is None:
            return "no turn runs; /quit leaves"
        self.interrupt()
        return None

    def left(self) -> None:
        """Leave."""
        self.end(0, signal.SIGTERM if self._turns.running is not None else 0)

    def gone(self) -> None:
        """The terminal is gone: leave as whoever is hung up."""
        self.end(_HUNG_UP, signal.SIGTERM)

    # -------------------------------------------------------------------------------- what others see

    def _trouble(self, text: str) -> None:
        self._pane.say(text, TROUBLE)
        self._record.note("error", text=text)

    def _changed(self) -> None:
        """Make status file and screen say what is so."""
        if self._leaves is not None:
            self._pane.foot(Footer(("leaving",)))
            return
        question = self._questions.first
        rows: tuple[str, ...] = ()
        if question is not None:
            state = WAITING
        elif self._turns.running is not None:
            state, rows = BUSY, ("working (Esc cancels the turn)",)
        elif self._turns.conversation:
            state = IDLE
        else:
            waited = int(self._loop.now() - self._since)
            state, rows = STARTING, (f"starting {self._name} ({waited} s)",)
        asked = question.text if question is not None else None
        self._status.show(state=state, question=asked, asks=self._questions.listed)
        self._pane.foot(Footer(rows, question, self._questions.more))
