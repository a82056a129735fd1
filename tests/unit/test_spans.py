"""The trace of a message: the spans that its story makes, whatever became of it; which line tells them."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.message import Message, MessageState, Notice, Origin
from roost.core.vocabulary.trace_context import TraceContext, parse_traceparent
from roost.present.objects import trace_object
from roost.present.spans import Span, mark_of, sendings_of, spans_of
from roost.store.records import Attempt, StoredMessage

MESSAGE = Message("a" * 32, "ann", "bob", 100.0, 12, "d", topic="a secret topic", attempts=1)
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
Step = tuple[float, str]


def stored(message: Message, *steps: Step, state: MessageState | None = None) -> StoredMessage:
    rows = [Attempt(n, at, "s", outcome, f"a reason {n}") for n, (at, outcome) in enumerate(steps, 1)]
    if state is not None:
        message = replace(message, state=state, done_at=steps[-1][0])
    return StoredMessage(message, tuple(rows), ())


def told(spans: list[Span]) -> list[tuple[str, float, float | None, str | None, bool]]:
    return [(span.name, span.start, span.end, span.outcome, span.failed) for span in spans]


def test_a_message_from_its_storing_to_its_end() -> None:
    story = stored(
        MESSAGE,
        (100.0, "woke"),
        (102.0, "ready"),
        (102.0, "offered"),
        (103.0, "entered"),
        (103.0, "accepted"),
        (105.0, "done"),
        state=MessageState.DONE,
    )
    spans = spans_of(story, (), "demo")
    assert told(spans) == [
        ("message bob", 100.0, 105.0, "done", False),
        ("send bob", 100.0, 100.0, None, False),
        ("wake bob", 100.0, 102.0, "ready", False),
        ("offer bob", 102.0, 103.0, "accepted", False),
        ("process bob", 103.0, 105.0, "done", False),
    ]
    assert [span.kind for span in spans] == ["internal", "producer", "internal", "internal", "consumer"]
    assert {span.context.trace for span in spans} == {MESSAGE.id}
    assert spans[0].parent is None
    assert {span.parent for span in spans[1:]} == {spans[0].context.span} == {MESSAGE.trace.span}
    assert spans[4].context == MESSAGE.turn_trace, "what an agent is given is the span of its turn"
    assert len({span.context.span for span in spans}) == 5
    assert spans[0].events == ()
    assert spans_of(story, (), "demo") == spans, "the same ids, whoever computes them"


@pytest.mark.parametrize(
    ("steps", "state", "expected"),
    [
        pytest.param(
            [(101.0, "expired")],
            MessageState.EXPIRED,
            [("message bob", 101.0, "expired"), ("send bob", 100.0, None)],
            id="expired while it waited",
        ),
        pytest.param(
            [(100.0, "woke"), (101.0, "not woken"), (109.0, "dead-letter")],
            MessageState.DEAD_LETTER,
            [
                ("message bob", 109.0, "dead-letter"),
                ("send bob", 100.0, None),
                ("wake bob", 101.0, "not woken"),
            ],
            id="given up by a person while its recipient did not start",
        ),
        pytest.param(
            [(101.0, "offered"), (102.0, "rejected"), (102.0, "dead-letter")],
            MessageState.DEAD_LETTER,
            [
                ("message bob", 102.0, "dead-letter"),
                ("send bob", 100.0, None),
                ("offer bob", 102.0, "rejected"),
            ],
            id="refused by a hook",
        ),
        pytest.param(
            [(101.0, "offered"), (102.0, "unclear"), (103.0, "examined: unclear"), (110.0, "dead-letter")],
            MessageState.DEAD_LETTER,
            [
                ("message bob", 110.0, "dead-letter"),
                ("send bob", 100.0, None),
                ("offer bob", 102.0, "unclear"),
                ("examine bob", 103.0, "examined: unclear"),
            ],
            id="in doubt, then given up",
        ),
        pytest.param(
            [
                (101.0, "offered"),
                (102.0, "unclear"),
                (103.0, "examined: unclear"),
                (105.0, "resent"),
                (106.0, "offered"),
                (107.0, "accepted"),
                (108.0, "done"),
            ],
            MessageState.DONE,
            [
                ("message bob", 108.0, "done"),
                ("send bob", 100.0, None),
                ("offer bob", 102.0, "unclear"),
                ("examine bob", 103.0, "examined: unclear"),
                ("offer bob", 107.0, "accepted"),
                ("process bob", 108.0, "done"),
            ],
            id="in doubt, then sent again",
        ),
        pytest.param(
            [
                (101.0, "offered"),
                (102.0, "interrupted"),
                (103.0, "examined: found"),
                (103.0, "accepted"),
                (103.0, "cut"),
                (103.0, "dead-letter"),
            ],
            MessageState.DEAD_LETTER,
            [
                ("message bob", 103.0, "dead-letter"),
                ("send bob", 100.0, None),
                ("offer bob", 102.0, "interrupted"),
                ("examine bob", 103.0, "examined: found"),
                ("process bob", 103.0, "cut"),
            ],
            id="its session died during the offer",
        ),
        pytest.param(
            [
                (101.0, "offered"),
                (102.0, "accepted"),
                (103.0, "cut"),
                (104.0, "woke"),
                (105.0, "ready"),
                (105.0, "offered"),
                (106.0, "accepted"),
                (107.0, "failed"),
                (107.0, "dead-letter"),
            ],
            MessageState.DEAD_LETTER,
            [
                ("message bob", 107.0, "dead-letter"),
                ("send bob", 100.0, None),
                ("offer bob", 102.0, "accepted"),
                ("process bob", 103.0, "cut"),
                ("wake bob", 105.0, "ready"),
                ("offer bob", 106.0, "accepted"),
                ("process bob", 107.0, "failed"),
            ],
            id="redelivered after its turn was cut off",
        ),
        pytest.param(
            [
                (101.0, "offered"),
                (102.0, "not pasted"),
                (103.0, "offered"),
                (104.0, "accepted"),
                (105.0, "dead-letter"),
            ],
            MessageState.DEAD_LETTER,
            [
                ("message bob", 105.0, "dead-letter"),
                ("send bob", 100.0, None),
                ("offer bob", 102.0, "not pasted"),
                ("offer bob", 104.0, "accepted"),
                ("process bob", 105.0, "dead-letter"),
            ],
            id="cancelled: a person interrupted its turn",
        ),
        pytest.param(
            [(130.0, "done")],
            MessageState.DONE,
            [("message bob", 130.0, "done"), ("send bob", 100.0, None)],
            id="read in a mailbox",
        ),
    ],
)
def test_whatever_becomes_of_it(
    steps: list[Step], state: MessageState, expected: list[tuple[str, float, str | None]]
) -> None:
    story = stored(MESSAGE, *steps, state=state)
    spans = spans_of(story)
    assert [(span.name, span.end, span.outcome) for span in spans] == expected
    assert spans[0].failed == (state is not MessageState.DONE)
    assert len({span.context.span for span in spans}) == len(spans), "each span has an id of its own"
    _told_once(story)


def _told_once(story: StoredMessage) -> None:
    """The journal lines of a message share its spans among them: each is told by one of them."""
    kinds = {"resent": "queued", "examined: unclear": "unknown"}
    told_of = ["offered", "accepted", "done", "expired", "dead-letter", *kinds]
    marks = [
        mark_of(story, kinds.get(each.outcome, each.outcome), each.at)
        for each in story.attempts
        if each.outcome in told_of
    ]
    spans = [span for span in spans_of(story) if span.ended_by != 0]
    counts = [
        sum(mark is not None and mark[0] < (span.ended_by or 0) <= mark[1] for mark in marks)
        for span in spans
    ]
    assert counts == [1] * len(spans)


def test_what_begins_and_ends_no_span_is_an_event_of_the_message_until_its_end() -> None:
    steps = [(101.0, "resent"), (102.0, "expired"), (150.0, "sent again")]
    root = spans_of(stored(MESSAGE, *steps, state=MessageState.EXPIRED))[0]
    assert (root.end, root.events) == (102.0, (("resent", 101.0),))


def test_what_goes_on_has_no_end_yet_and_is_told_by_no_line() -> None:
    story = stored(replace(MESSAGE, state=MessageState.ACCEPTED), (101.0, "offered"), (102.0, "accepted"))
    assert [(span.name, span.end) for span in spans_of(story)] == [
        ("message bob", None),
        ("send bob", 100.0),
        ("offer bob", 102.0),
        ("process bob", None),
    ]
    assert mark_of(story, "accepted", 102.0) == (1, 2)
    assert mark_of(story, "accepted", 999.0) is None
    assert mark_of(story, "queued", 100.0) is None


def test_a_caller_that_names_its_span_is_gone_on_with() -> None:
    message = replace(MESSAGE, origin=Origin(caller=CALLER))
    root, send, *_ = spans_of(stored(message))
    assert root.context.trace == send.context.trace == "0af7651916cd43dd8448eb211c80319c"
    assert root.parent == "b7ad6b7169203331"
    assert not replace(message, origin=Origin(caller=f"{CALLER[:-2]}00")).trace.sampled


def test_what_is_sent_in_a_turn_stands_in_it_and_is_linked_both_ways() -> None:
    turn = str(MESSAGE.turn_trace)
    asked = Message("b" * 32, "bob", "carl", 104.0, 3, "d", origin=Origin(during=MESSAGE.id, turn=turn))
    reply = Message("c" * 32, "bob", "ann", 104.5, 3, "d", reply_to=MESSAGE.id, origin=asked.origin)
    late = Message(
        "d" * 32, "bob", "ann", 200.0, 3, "d", reply_to=MESSAGE.id, origin=Origin(answered=str(MESSAGE.trace))
    )
    story = stored(MESSAGE, (101.0, "offered"), (103.0, "accepted"), (105.0, "done"), state=MessageState.DONE)
    spans = spans_of(story, [late, reply, asked])
    assert [(span.name, span.start, span.parent) for span in spans[4:]] == [
        ("send carl", 104.0, MESSAGE.turn_trace.span),
        ("reply ann", 104.5, MESSAGE.turn_trace.span),
        ("reply ann", 200.0, MESSAGE.trace.span),
    ]
    assert [span.links for span in spans[4:]] == [(asked.trace,), (reply.trace,), (late.trace,)]
    assert spans_of(stored(asked))[0].links == (MESSAGE.turn_trace,)
    assert spans_of(stored(late))[0].links == (MESSAGE.trace,)


def test_a_notice_and_a_message_without_origin_stand_in_no_other_trace() -> None:
    origin = Origin(answered=str(MESSAGE.trace))
    notice = replace(MESSAGE, id="e" * 32, notice=Notice(MESSAGE.id, "expired", "w"), origin=origin)
    assert sendings_of(notice) == sendings_of(MESSAGE) == []
    assert spans_of(stored(notice))[0].links == (MESSAGE.trace,)


def test_nothing_that_people_wrote_is_told() -> None:
    text = str(trace_object(MESSAGE, spans_of(stored(MESSAGE, (101.0, "offered"), (102.0, "unclear")))))
    assert "secret" not in text
    assert "a reason" not in text


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        "",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        f"{CALLER}-more",
        f"{CALLER}\n",
    ],
)
def test_what_is_no_traceparent_is_passed_over(text: object) -> None:
    assert parse_traceparent(text) is None


def test_a_traceparent_is_read_and_written_also_of_a_later_version() -> None:
    known = TraceContext("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", sampled=True)
    assert parse_traceparent(CALLER) == parse_traceparent(f"01{CALLER[2:]}-more") == known
    assert str(known) == CALLER
