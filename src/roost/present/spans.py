"""The trace of a message: the spans that its stored story makes, each with an id that follows from it.

A trace is a tree: the message from its storing to its end, and in it what was done, one after another: its
storing, the wake of its recipient, offers, looks for it when in doubt, its turns, and what was sent in them.
What is told names peers, ids and states, never a word of a body, a topic or a reason.
"""

from collections.abc import Iterable, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from roost.core.vocabulary.message import FINAL, Examination, Message
from roost.core.vocabulary.phrases import WOKEN
from roost.core.vocabulary.trace_context import TraceContext, parse_traceparent, span_id
from roost.store.records import Attempt, StoredMessage

SYSTEM = "roost"
"""`messaging.system` of the semantic conventions."""
_CAUSES = {phrase: str(cause) for cause, phrase in WOKEN.items()}
_ENDS = frozenset(map(str, FINAL))
_ALL = ("wake", "offer", "examine", "process")
_ENDED: Mapping[str, tuple[str, ...]] = {
    "ready": ("wake",),
    "not woken": ("wake",),
    "entered": (),  # it is accepted in the same moment
    "accepted": ("wake", "offer", "examine"),
    "not pasted": ("offer",),
    "unclear": ("offer",),
    "interrupted": ("offer",),
    **{f"examined: {verdict}": ("examine",) for verdict in Examination},
    **dict.fromkeys(("rejected", "cut", "failed", "toolless", *_ENDS), _ALL),
}
"""Which spans end with a step. What is none of these, and begins none, is an event of the message."""
_WELL = frozenset({"ready", "accepted", "done", "examined: found", "examined: ended"})
"""Outcomes that are no error of a span."""


class Span(Struct, frozen=True):
    """One span. Times are Unix seconds; `end` is None while it goes on.

    `outcome`: what ended it, in a word or two. `ended_by`: the number of the step in the message's story that
    did, 0 for its storing, None while it goes on.
    """

    context: TraceContext
    parent: str | None
    name: str
    kind: str
    start: float
    end: float | None = None
    outcome: str | None = None
    ended_by: int | None = None
    attributes: Mapping[str, str | int] = field(default_factory=dict[str, str | int])
    events: tuple[tuple[str, float], ...] = ()
    links: tuple[TraceContext, ...] = ()

    @property
    def took(self) -> float | None:
        """Seconds, to the millisecond; times are kept to the microsecond. None while it goes on."""
        if self.end is None:
            return None
        return round((round(self.end * 1e6) - round(self.start * 1e6)) / 1e6, 3)

    @property
    def failed(self) -> bool:
        """Whether it ended otherwise than it was meant to."""
        return self.outcome is not None and self.outcome not in _WELL


def spans_of(stored: StoredMessage, sent: Iterable[Message] = (), runtime: str | None = None) -> list[Span]:
    """The spans of a message, its own first, then in the order in which they began.

    `sent`: messages that its recipient sent in its turns, or in answer to it. `runtime`: of its recipient.
    """
    root, *others = _Story(stored, runtime).spans()
    known = {root.context.span, *(span.context.span for span in others)}
    for message in sent:
        for sending in sendings_of(message):
            if sending.context.trace == root.context.trace and sending.parent in known:
                others.append(sending)
    return [root, *sorted(others, key=lambda span: (span.start, span.ended_by is None, span.ended_by))]


def sendings_of(message: Message) -> list[Span]:
    """What the sending of this message is in the traces of others: that in whose turn, or in answer to which.

    Each is a moment, and linked to the trace that begins with it. A notice has none.
    """
    origin = message.origin
    if origin is None or message.reply_to is None:
        places = ((origin.turn, "send"),) if origin is not None and message.notice is None else ()
    else:
        within = "reply" if message.reply_to == origin.during else "send"
        places = ((origin.turn, within), (origin.answered, "reply"))
    return [_sending(message, place, verb) for text, verb in places if (place := parse_traceparent(text))]


def _sending(message: Message, place: TraceContext, verb: str) -> Span:
    return Span(
        TraceContext(place.trace, span_id(message.id, "sending", place.span), place.sampled),
        place.span,
        f"{verb} {message.to}",
        "internal",
        message.created_at,
        message.created_at,
        ended_by=0,
        attributes=_attributes(message, None),
        links=(message.trace,),
    )


def mark_of(stored: StoredMessage, kind: str, at: float) -> tuple[int, int] | None:
    """Which steps of a story a line of the journal tells of: above the first number, up to the second.

    The lines of a message share its steps among them, so each step is told once. None for a line that tells
    of none, as of a message that is read.
    """
    before = 0
    for attempt in sorted(stored.attempts, key=lambda each: each.n):
        told = _KINDS.get(attempt.outcome)
        if told is None:
            continue
        if (told, attempt.at) == (kind, at):
            return before, attempt.n
        before = attempt.n
    return None


_KINDS = {
    "offered": "offered",
    "held": "held",
    "released": "released",
    "accepted": "accepted",
    "resent": "queued",
    "examined: unclear": "unknown",
    **{end: end for end in _ENDS},
}
"""Steps that have a line in the journal, and of which kind it is."""


class _Story:
    """Goes through the steps of a message and opens and ends spans."""

    def __init__(self, stored: StoredMessage, runtime: str | None) -> None:
        self._message = stored.message
        self._attempts = _until_end(stored)
        self._runtime = runtime
        self._open: dict[str, Span] = {}
        self._ended: list[Span] = []
        self._events: list[tuple[str, float]] = []
        self._offers = 0

    def spans(self) -> list[Span]:
        message = self._message
        root = Span(
            message.trace,
            self._caller(),
            f"message {message.to}",
            "internal",
            message.created_at,
            attributes={
                **_attributes(message, self._runtime),
                "messaging.message.body.size": message.size,
                "roost.sender": message.sender,
                "roost.state": str(message.state),
            },
            links=self._links(),
        )
        sent = self._span("store", "producer", message.created_at, id_parts=("store",), operation="send")
        self._ended.append(replace(sent, end=message.created_at, ended_by=0))
        for attempt in self._attempts:
            self._take(attempt)
        if message.final and self._attempts:
            end = self._attempts[-1]
            root = replace(root, end=end.at, ended_by=end.n, outcome=end.outcome)
        return [replace(root, events=tuple(self._events)), *self._ended, *self._open.values()]

    def _take(self, step: Attempt) -> None:
        for name in _ENDED.get(step.outcome, ()):
            self._end(name, step, step.outcome)
        match step.outcome:
            case "woke":
                self._end("wake", step, "not ready")
                self._begin("wake", step, ("wake", step.n), cause=_CAUSES.get(step.why))
            case "offered":
                self._end("wake", step, "ready")
                self._offers += 1
                self._begin("offer", step, ("offer", self._offers))
            case "accepted" if "process" not in self._open:
                self._begin("process", step, ("turn", self._offers), kind="consumer", operation="process")
            case "unclear" | "interrupted":
                self._begin("examine", step, ("examine", step.n))
            case _ if step.outcome not in _ENDED:
                self._events.append((step.outcome, step.at))
            case _:
                pass

    def _begin(
        self,
        name: str,
        step: Attempt,
        id_parts: tuple[str, int],
        *,
        kind: str = "internal",
        operation: str | None = None,
        cause: str | None = None,
    ) -> None:
        span = self._span(name, kind, step.at, id_parts=id_parts, operation=operation)
        more = {"roost.session": step.session, "roost.cause": cause}
        if name in ("offer", "process"):
            more["roost.offer"] = str(self._offers)
        told = {key: value for key, value in more.items() if value is not None}
        self._open[name] = replace(span, attributes={**span.attributes, **told})

    def _end(self, name: str, step: Attempt, outcome: str) -> None:
        span = self._open.pop(name, None)
        if span is not None:
            self._ended.append(replace(span, end=step.at, ended_by=step.n, outcome=outcome))

    def _span(
        self, name: str, kind: str, start: float, *, id_parts: tuple[object, ...], operation: str | None
    ) -> Span:
        message, own = self._message, self._message.trace
        attributes = _attributes(message, self._runtime)
        if operation is not None:
            attributes |= {"messaging.operation.name": operation, "messaging.operation.type": operation}
        return Span(
            TraceContext(own.trace, span_id(message.id, *id_parts), own.sampled),
            own.span,
            f"{operation or name} {message.to}",
            kind,
            start,
            attributes=attributes,
        )

    def _caller(self) -> str | None:
        origin = self._message.origin
        caller = parse_traceparent(origin.caller) if origin is not None else None
        return caller.span if caller is not None else None

    def _links(self) -> tuple[TraceContext, ...]:
        origin = self._message.origin
        if origin is None:
            return ()
        found = (parse_traceparent(origin.turn), parse_traceparent(origin.answered))
        return tuple(link for link in found if link is not None)


def _until_end(stored: StoredMessage) -> list[Attempt]:
    """Its steps in order. What is told of a message behind its end, as that it was sent again, is none."""
    steps = sorted(stored.attempts, key=lambda each: each.n)
    while stored.message.final and steps and steps[-1].outcome not in _ENDS:
        steps.pop()
    return steps


def _attributes(message: Message, runtime: str | None) -> dict[str, str | int]:
    told: dict[str, str | int] = {
        "messaging.system": SYSTEM,
        "messaging.destination.name": message.to,
        "messaging.message.id": message.id,
    }
    if runtime is not None:
        told["roost.runtime"] = runtime
    return told
