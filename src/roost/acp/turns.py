"""Prompts and the turns that they begin: one at a time, each key once."""

from collections.abc import Callable
from typing import NamedTuple

from roost.acp.agent import Agent
from roost.acp.questions import Questions
from roost.acp.record import Record
from roost.acp.rpc import Answer, Rpc
from roost.faults import Fault, fault_of

CALL = "call"
PERSON = "person"
"""Who gave a prompt, or an answer."""
COMPACT = "/compact"
FINISHED = ("end_turn", "max_tokens", "max_turn_requests")
CANCELLED = "cancelled"
REFUSAL = "refusal"
_AUTH_REQUIRED = -32000
_HEAD = 500
_STATUS = range(400, 600)
"""What Gemini CLI gives for the code of an error (0.61.0): the HTTP status. ACP has no such code."""

Done = Callable[[str | None], None]
"""Told once what came of a prompt: None when the record shows it, else why it was not given."""


class Turn(NamedTuple):
    """One prompt, whose it is, its number in this session, and the span that it is part of."""

    number: int
    key: str | None
    text: str
    by: str
    traceparent: str | None = None


class Turns:
    """The turns of one conversation. `changed` is called after each change."""

    def __init__(
        self,
        rpc: Rpc,
        agent: Agent,
        record: Record,
        questions: Questions,
        changed: Callable[[], None],
        ended: Callable[[str], None],
    ) -> None:
        """No turn runs. `ended` is told how one ended, in words for people."""
        self._rpc = rpc
        self._agent = agent
        self._record = record
        self._questions = questions
        self._changed = changed
        self._ended = ended
        self._count = 0
        self._keys: dict[str, bool] = {}
        self._waiting: dict[str, list[Done]] = {}
        self._read = 0
        self._answered = False
        self.conversation = ""
        self.instructions = ""
        """What is said before the first prompt of a fresh conversation; "" for nothing (more)."""
        self.running: Turn | None = None

    def has(self, key: str) -> bool:
        """Whether the prompt of that key was given."""
        return key in self._keys

    def submit(self, key: str | None, text: str, by: str, done: Done, traceparent: str | None = None) -> None:
        """Give a prompt to the agent unless it has it."""
        if key is not None and key in self._keys:
            if self._keys[key]:
                done(None)
            else:
                self._waiting.setdefault(key, []).append(done)
            return
        why = self._hindrance()
        if why is None:
            turn = Turn(self._count + 1, key, text, by, traceparent)
            # First, so that a prompt which the agent may have read is never one that no record names.
            if not self._record.note_now("submitted", turn=turn.number, key=key, head=text[:_HEAD]):
                why = f"its record cannot be written: {self._record.trouble}"
            else:
                self._begin(turn, done)
        if why is not None:
            done(why)

    def _hindrance(self) -> str | None:
        if not self.conversation:
            return "its agent has not started yet"
        if (question := self._questions.first) is not None:
            return f"it asks: {question.text}"
        if self.running is not None:
            return "it is in a turn"
        return None

    def _begin(self, turn: Turn, done: Done) -> None:
        self._count, self.running, self._answered = turn.number, turn, False
        if turn.key is not None:
            self._keys[turn.key] = False
            self._waiting[turn.key] = [done]
        self._changed()
        texts = [self.instructions, turn.text] if self.instructions else [turn.text]
        self.instructions = ""
        # Root keys of `_meta` that ACP keeps for W3C Trace Context, as MCP does.
        meta = {"_meta": {"traceparent": turn.traceparent}} if turn.traceparent else {}
        prompt = [{"type": "text", "text": each} for each in texts]
        self._rpc.request(
            "session/prompt",
            {"sessionId": self.conversation, "prompt": prompt, **meta},
            lambda answer: self._on_end(turn, answer),
        )
        self._agent.when_read(lambda: self._on_read(turn))
        if turn.key is None:
            done(None)

    def _on_read(self, turn: Turn) -> None:
        """The agent has the prompt: its pipe says so, or what it answers, whichever comes first."""
        if turn.number <= self._read:
            return
        self._read = turn.number
        self._record.note(
            "prompt",
            then=lambda: self._on_recorded(turn),
            turn=turn.number,
            key=turn.key,
            text=turn.text,
            by=turn.by,
        )

    def _on_recorded(self, turn: Turn) -> None:
        if turn.key is not None:
            self._keys[turn.key] = True
            for done in self._waiting.pop(turn.key, ()):
                done(None)

    def on_answer(self) -> None:
        """The model has said or done something."""
        if self.running is not None and not self._answered:
            self._on_read(self.running)
            self._answered = True
            self._record.note("answered", turn=self.running.number)

    def _on_end(self, turn: Turn, answer: Answer) -> None:
        self._on_read(turn)
        stop, failed = str(answer.result.get("stopReason") or ""), answer.error
        if failed is None and stop == REFUSAL:
            failed = "the model refused to go on"
        elif failed is None and stop not in (*FINISHED, CANCELLED):
            failed = f"the turn ended for a reason that is not known: {stop or 'none'}"
        fault = _fault(stop, answer)
        self.running = None
        self._questions.withdraw_all()
        self._ended(_words(stop, failed))
        compacted = turn.text.strip() == COMPACT and failed is None and stop != CANCELLED
        self._record.note(
            "turn_end", turn=turn.number, stop="error" if answer.error else stop, failed=failed, fault=fault
        )
        if compacted:
            self._record.note("compacted")
        self._changed()

    def cancel(self) -> bool:
        """Ask the agent to end its turn; False: none runs."""
        if self.running is None:
            return False
        self._rpc.notify("session/cancel", {"sessionId": self.conversation})
        self._questions.withdraw_all()
        return True


def _fault(stop: str, answer: Answer) -> Fault:
    """Whose fault it is that a turn failed."""
    if answer.error is None:
        return Fault.REQUEST if stop == REFUSAL else Fault.UNKNOWN
    if answer.code == _AUTH_REQUIRED:
        return Fault.SERVICE
    return fault_of(answer.error, answer.code if answer.code in _STATUS else None)


def _words(stop: str, failed: str | None) -> str:
    """How a turn ended, for people."""
    if failed is not None:
        return f"the turn failed: {failed}"
    return {CANCELLED: "cancelled", "max_tokens": "cut off: too many tokens"}.get(stop, "end of the turn")
