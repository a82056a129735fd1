"""What a runtime's own records say about a message after its session is over.

The mark of an offer is unguessable, so a record that holds it tells where the message went, be it another
conversation than the one that was known: a person may have begun that meanwhile. ABSENT, which allows another
paste, needs a look into every record that the runtime's program has written since the message was made.
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from roost.core.messages import envelope
from roost.core.messages.doubt import RESENT
from roost.core.vocabulary.message import Examination, Message
from roost.runtimes.context import Context
from roost.runtimes.facts import Prompted, TurnOver
from roost.runtimes.registry import Runtimes
from roost.runtimes.runtime import Runtime
from roost.runtimes.turns.record import PACKED
from roost.store.interfaces import Attempt

BOUND = 2 << 30
"""Bytes of records that are searched for a mark; where more were written, its absence is not proven."""
SLACK = 3600.0
"""Seconds by which a record may be older than its message: a clock is set, a file system rounds."""
_log = logging.getLogger("roost.evidence")


class Finding(Struct, frozen=True):
    """What was found of an offer, and the conversation that holds it, where the record's name tells that.

    `forgotten`: its program took the prompt out of the conversation again.
    """

    verdict: Examination
    why: str
    conversation: str | None = None
    forgotten: bool = False


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

    True for a runtime that is not configured now, and where that cannot be read: its next launch looks again.
    """
    if context.settings.runtime not in runtimes.names():
        return True
    try:
        return runtimes.get(context.settings.runtime).transcript(context) is not None
    except OSError:
        return True


def holds(runtime: Runtime, context: Context, seed: str, message: Message, now: float) -> bool:
    """Blocking: whether the session's conversation holds an earlier offer of the message, or may hold it."""
    if message.attempts > 1 and not runtime.sensor(context).records:
        return True
    try:
        own = runtime.transcripts(context)
    except OSError:
        return True
    records = [path for path in own if _changed(path) >= _since(message, now)]
    looks = (
        _look(runtime, context, record, message, envelope.boundary(seed, message.id, attempt), own=True)
        for record in records
        for attempt in range(1, message.attempts)
    )
    return any(
        found is None or (found.verdict is not Examination.ABSENT and not found.forgotten) for found in looks
    )


def examine_record(
    runtime: Runtime, context: Context, seed: str, message: Message, attempt: int, now: float
) -> Finding:
    """Blocking: whether a record holds this offer, and whether its turn ended there.

    The process is gone, or the offer over, so records without the message are final. `now`: Unix seconds.
    """
    if not runtime.sensor(context).records:
        return Finding(Examination.UNCLEAR, "its runtime keeps no record that could tell")
    mark = envelope.boundary(seed, message.id, attempt)
    try:
        own = [*reversed(runtime.transcripts(context))]
        written = list(runtime.written(context, _since(message, now)))
    except OSError as error:
        return Finding(Examination.UNCLEAR, f"its runtime's records cannot be read: {error.strerror}")
    written.sort(key=lambda path: own.index(path) if path in own else len(own))
    found, unread, left = list[Finding](), list[Path](), BOUND
    for record in written:
        left -= _size(record)
        finding = None
        if left >= 0:
            finding = _look(runtime, context, record, message, mark, own=record in own)
        if finding is None:
            unread.append(record)
        elif finding.verdict is not Examination.ABSENT:
            found.append(finding)
    if found:
        return next((each for each in found if each.verdict is Examination.ENDED), found[0])
    if unread:
        why = f"{len(unread)} of its runtime's records cannot be searched, as {unread[0]}"
        return Finding(Examination.UNCLEAR, why)
    return Finding(Examination.ABSENT, "no record of its runtime holds the message")


def written_since(runtime: Runtime, context: Context, at: float) -> bool:
    """Blocking: whether the conversation is known to be written at that time (Unix seconds) or later."""
    try:
        return any(_changed(path) >= at for path in runtime.transcripts(context))
    except OSError:
        return False


def _since(message: Message, now: float) -> float:
    """When a record that holds the message was written at the earliest (Unix seconds).

    A clock that was set back since the message was made tells nothing about the age of a file.
    """
    return message.created_at - SLACK if now >= message.created_at else 0.0


def _look(
    runtime: Runtime, context: Context, record: Path, message: Message, mark: str, *, own: bool
) -> Finding | None:
    """Blocking: what one record says of the offer; None: it cannot be read, or is not understood.

    `own`: it is of the conversation that the session ran. Another agent's prompt may quote the message: what
    only quotes it shows that it was taken, and not where.
    """
    if record.suffix == PACKED:
        return None
    try:
        held = _lines_with(record, f"boundary {mark}]".encode())
        lines = record.read_bytes().splitlines() if held else []
    except OSError:
        return None
    # A sensor passes over lines that are older than its session; here all of the record counts.
    context = replace(context, session=replace(context.session, started_at=0.0))
    try:
        facts = list(runtime.sensor(context).on_lines(lines))
    except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as defect:
        _log.warning("the record %s is not understood: %r", record, defect)
        return None
    found = ended = forgotten = False
    for fact in facts:
        if isinstance(fact, Prompted) and (message.id, mark) in envelope.marks(fact.text):
            found, ended = own or _begins(fact.text, message), False
        elif isinstance(fact, TurnOver) and found:
            ended, forgotten = not fact.leaves, fact.forgets
    conversation = runtime.conversation_of(record) if found else None
    if ended:
        why = "its program's record holds the message and the end of its turn"
        return Finding(Examination.ENDED, why, conversation, forgotten)
    if found or any(runtime.given(line) for line in held):
        why = "its program's record holds the message, not the end of its turn"
        return Finding(Examination.FOUND, why, conversation)
    return Finding(Examination.ABSENT, "")


def _begins(text: str, message: Message) -> bool:
    """Whether the message's header is the first in a prompt."""
    return text.partition("[roost message ")[2].startswith(message.id)


def _lines_with(record: Path, needle: bytes) -> list[bytes]:
    with record.open("rb") as file:
        return [line for line in file if needle in line]


def _size(record: Path) -> int:
    try:
        return record.stat().st_size
    except OSError:
        return 0


def _changed(record: Path) -> float:
    try:
        return record.stat().st_mtime
    except OSError:
        return 0.0
