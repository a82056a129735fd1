"""What a runtime's own record says about a message after its session is over."""

from collections.abc import Iterable
from dataclasses import replace

from roost.core import envelope
from roost.core.doubt import RESENT
from roost.core.message import Examination, Message
from roost.runtimes.base import Context, Prompted, Runtime, TurnOver
from roost.runtimes.registry import Runtimes
from roost.store.interfaces import Attempt


def doubted_offer(story: Iterable[Attempt]) -> int | None:
    """The number of the offer that was in doubt when an operator last had the message offered again."""
    offers, doubted = 0, None
    for step in story:
        if step.outcome == "offered":
            offers += 1
        elif step.outcome == RESENT:
            doubted = offers
    return doubted


def on_disk(runtimes: Runtimes, context: Context) -> bool:
    """Blocking: whether the session's conversation can be gone on with.

    True for a runtime that is not configured now: its next launch, if it comes back, looks again.
    """
    if context.settings.runtime not in runtimes.names():
        return True
    return runtimes.get(context.settings.runtime).transcript(context, None) is not None


def holds(runtime: Runtime, context: Context, seed: str, message: Message) -> bool:
    """Blocking: whether the conversation's record holds an earlier offer of the message."""
    earlier = range(1, message.attempts)
    return any(
        examine_record(runtime, context, seed, message, attempt)[0] is not Examination.ABSENT
        for attempt in earlier
    )


def examine_record(
    runtime: Runtime, context: Context, seed: str, message: Message, attempt: int
) -> tuple[Examination, str]:
    """Blocking: whether the conversation's record holds this offer, and whether its turn ended there.

    The process is gone, so a record without the message is final: the conversation does not hold it.
    """
    mark = envelope.boundary(seed, message.id, attempt)
    # A sensor passes over lines that are older than its session; here all of the record counts.
    context = replace(context, session=replace(context.session, started_at=0.0))
    path = runtime.transcript(context, f"boundary {mark}]")
    if path is None:
        if not runtime.sensor(context).records:
            return Examination.UNCLEAR, "its runtime keeps no record that could tell"
        return Examination.ABSENT, "the conversation has no record, so it holds no message"
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        return Examination.UNCLEAR, f"the conversation's record cannot be read: {error.strerror}"
    found = ended = False
    for fact in runtime.sensor(context).on_lines(lines):
        if isinstance(fact, Prompted) and (message.id, mark) in envelope.marks(fact.text):
            found, ended = True, False
        elif isinstance(fact, TurnOver) and found:
            ended = True
    if ended:
        return Examination.ENDED, "the conversation's record holds the message and the end of its turn"
    if found:
        return Examination.FOUND, "the conversation's record holds the message, not the end of its turn"
    return Examination.ABSENT, "the conversation's record does not hold the message"
