"""What one OpenCode session tells by its API, as facts (1.18.33, measured).

There is no record file to follow: `opencode_events` makes lines of what the API tells and of what it holds. A
prompt counts as taken with the first step that answers it; until then it waits in the store, be it that its
turn begins (some 20 ms, a second in a program that has just started) or that another one runs. Of a turn that
was broken off the end is told twice, the first time before its last step says why. A program that is ended by
a signal breaks its turn off in the same way before it leaves.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from roost.core.vocabulary.question import Asking
from roost.core.vocabulary.session import SessionState
from roost.faults import Fault, fault_of
from roost.runtimes.context import Context
from roost.runtimes.facts import (
    INTERRUPTED,
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    TurnOver,
)
from roost.runtimes.heard import HeardSensor
from roost.runtimes.lines import records
from roost.runtimes.opencode_lines import ABORTED
from roost.runtimes.opencode_questions import asking
from roost.runtimes.view import Composer, Reading, View

SOURCE = "its conversation"
_KEPT = 1024
"""Prompts that are remembered to have been told of; the API is asked for fewer at a time."""
_NO_ACCESS = frozenset({"ProviderAuthError", "ProviderModelNotFoundError"})
_REFUSED = frozenset({"ContentFilterError", "ContextOverflowError"})
"""Errors without a status: of the right to use a model, and of what it was asked."""
_BROKEN_OFF = TurnOver(SOURCE, INTERRUPTED, interrupted=True, leaves=True)


class OpencodeSensor(HeardSensor):
    """State and evidence from the lines of `opencode_events` and `opencode_lines`."""

    def __init__(self, context: Context) -> None:
        """Watch the session of this context."""
        self.since = context.session.started_at
        self._heard = False
        self._lost: str | None = None
        self._prompts: dict[str, tuple[float, str]] = {}
        self._waiting: list[str] = []
        self._step: Mapping[str, Any] | None = None
        self._told: object = None
        self._compacted: object = None
        self._running = False
        self._error: Mapping[str, Any] | None = None
        self._busy: str | None = None
        self._asks: Sequence[str] = ()
        self._asked: tuple[Asking, ...] = ()
        self._beside = ""

    @property
    def current(self) -> bool:
        """Whether its API is heard: it is the very program that tells."""
        return self._heard and self._lost is None

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Prompts taken and turns ended; what is older than the session is another life's."""
        return [fact for record in records(lines) for fact in self._on(record)]

    def _on(self, record: Mapping[str, Any]) -> Sequence[Fact]:
        match record.get("type"):
            case "conversation":
                self._heard, self._lost = True, None
                return (ConversationSeen(str(record.get("id"))),)
            case "user":
                self._entered(record)
            case "assistant":
                return self._stepped(record)
            case "rest" if self._step is not None and record.get("after") == self._step.get("id"):
                return self._rests()
            case "status":
                return self._status(record)
            case "end":
                return self._given(self._waiting)
            case _:
                self._keep(record)
        return ()

    def _keep(self, record: Mapping[str, Any]) -> None:
        """What tells of its state alone."""
        match record.get("type"):
            case "error":
                self._error = record.get("error")
            case "asks":
                self._asks = tuple(map(str, cast("list[object]", record.get("texts", []))))
                self._asked = tuple(map(asking, cast("list[Mapping[str, Any]]", record.get("requests", []))))
            case "beside":
                self._beside = str(record.get("what", ""))
            case "lost":
                self._lost = str(record.get("why"))
            case _:
                pass

    def _entered(self, record: Mapping[str, Any]) -> None:
        prompt = str(record.get("id"))
        if prompt not in self._prompts:
            self._waiting.append(prompt)
        elif prompt not in self._waiting:
            return
        self._prompts[prompt] = (record.get("at") or 0.0, str(record.get("text", "")))
        while len(self._prompts) > _KEPT:
            del self._prompts[next(iter(self._prompts))]

    def _stepped(self, step: Mapping[str, Any]) -> Sequence[Fact]:
        """A step begins, or there is more to tell of the latest one."""
        known = self._step
        if known is not None and step.get("id") != known.get("id"):
            if (step.get("at") or 0.0) < (known.get("at") or 0.0):
                return ()
            known = None
        self._step = step
        facts: list[Fact] = []
        if known is None:
            parent = str(step.get("parent"))
            taken = self._waiting.index(parent) + 1 if parent in self._waiting else 0
            facts.extend(self._given(self._waiting[:taken]))
            self._running, self._error = True, None
        if step.get("finish") is not None and self._ours(step):
            facts.append(Answered(SOURCE))
        done = step.get("over") is not None and step.get("finish") is not None and step.get("error") is None
        if step.get("summary") and done and self._compacted != step.get("id"):
            self._compacted = step.get("id")
            facts.append(Compacted(SOURCE, float(step["over"])))
        return facts

    def _given(self, prompts: Sequence[str]) -> Sequence[Fact]:
        """The model is given these prompts. One without a text asks for a compaction."""
        facts: list[Fact] = []
        for prompt in tuple(prompts):
            self._waiting.remove(prompt)
            at, text = self._prompts.get(prompt, (0.0, ""))
            if text and at >= self.since - 1.0:
                facts.append(Prompted(text, SOURCE, joins=self._running))
            self._running = True
        return facts

    def _status(self, record: Mapping[str, Any]) -> Sequence[Fact]:
        if record.get("is") == "idle":
            return self._idle()
        why = str(record.get("why") or "")
        self._busy = f"in a turn; its model fails and is asked again: {why}" if why else "in a turn"
        return ()

    def _idle(self) -> Sequence[Fact]:
        """No turn runs. What still waits was forgotten: its turn was broken off or failed as it began."""
        early = self._running and self._step is not None and self._step.get("over") is None
        error, self._busy, self._error, self._running = self._error, None, None, False
        if early:
            return ()
        over, given = self._rests(), self._given(self._waiting)
        failed = [_turn_over(error)] if given and error is not None else []
        self._running = False
        return [*over, *given, *failed]

    def _rests(self) -> Sequence[Fact]:
        """Its latest step was the last of its turn, if it has ended and that was not told yet."""
        step = self._step
        if step is None or step.get("over") is None or self._told == step.get("id"):
            return ()
        self._told, self._running = step.get("id"), False
        if not self._ours(step):
            return ()
        error = step.get("error")
        if error is None and step.get("finish") is None:
            return (_BROKEN_OFF,)
        return (_turn_over(error),)

    def _ours(self, step: Mapping[str, Any]) -> bool:
        return (step.get("at") or 0.0) >= self.since - 1.0

    def on_screen(self, screen: str, title: str) -> View:
        """Its screen is for people: nothing is typed there, and a draft is in nobody's way."""
        del screen, title
        return View(Composer.EMPTY, self._asks[0] if self._asks else None, self._busy is not None)

    def reading(self) -> Reading | None:
        """What its API told last; None until it has told."""
        if not self._heard:
            return None
        if self._lost is not None:
            return Reading(SessionState.UNKNOWN, self._lost)
        if self._asks:
            more = f" (and {len(self._asks) - 1} more)" if self._asks[1:] else ""
            why = f"a dialog is open: {self._asks[0]}{more}"
            return Reading(SessionState.BLOCKED, why, self._beside, self._asked)
        if self._busy is not None:
            return Reading(SessionState.WORKING, self._busy, self._beside)
        return Reading(SessionState.IDLE, "at its prompt", self._beside)


def _turn_over(error: Mapping[str, Any] | None) -> TurnOver:
    """The end of a turn, by the error of its last step."""
    if error is None:
        return TurnOver(SOURCE)
    if error.get("name") == ABORTED:
        return _BROKEN_OFF
    said, status = " ".join(str(error.get("message") or error.get("name")).split())[:200], error.get("status")
    why = said or "the model did not answer"
    return TurnOver(SOURCE, f"{why} (HTTP {status})" if status else why, fault=_fault(error, why))


def _fault(error: Mapping[str, Any], words: str) -> Fault:
    """Whose fault it is; 1.18.33 asks again by itself what it takes for passing."""
    name, status = error.get("name"), error.get("status")
    if name in _NO_ACCESS:
        return Fault.SERVICE
    if name in _REFUSED:
        return Fault.REQUEST
    return fault_of(words, status if isinstance(status, int) else None)
