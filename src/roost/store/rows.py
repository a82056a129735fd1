"""Values of the core as rows, and back. What a row holds that this version does not know is an error."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, TypeVar

from roost.core.vocabulary.message import Message, MessageState, Notice, Origin, Timing
from roost.core.vocabulary.peer import Peer
from roost.core.vocabulary.session import Cause, Death, Session
from roost.core.vocabulary.watch import Watch
from roost.store.codec import Shape, from_text, to_text
from roost.store.errors import BrokenRowError
from roost.store.records import Attempt, Intent, JournalRow

T = TypeVar("T")
Broken: TypeAlias = Callable[[BrokenRowError], None]
"""Is told of a row that cannot be read, which is left out then."""
Row = tuple[Any, ...]

_PEER = Shape(Peer)
_SESSION = Shape(Session)
_NOTICE = Shape(Notice)
_WATCH = Shape(Watch)
_ORIGIN = Shape(Origin)
_LINES = Shape(tuple[str, ...])


def _read(what: str, made: Callable[[], T]) -> T:
    try:
        return made()
    except (TypeError, ValueError) as error:
        raise BrokenRowError(
            f"{what} cannot be read from the store: {error};"
            " it was written by another version of roost, or changed by hand"
        ) from error


def _read_all(shape: Shape[T], what: str, found: Sequence[tuple[str, str]], broken: Broken | None) -> list[T]:
    """The values of rows `key, data`; where they are not all as this version writes them, one by one."""
    values = shape.values([data for _, data in found])
    if values is not None:
        return values
    readable: list[T] = []
    for key, data in found:
        try:
            readable.append(_read(what.format(key), partial(shape.value, data)))
        except BrokenRowError as error:
            if broken is None:
                raise
            broken(error)
    return readable


def peer_row(peer: Peer) -> Row:
    """`name, runtime, stopped, created_at, data`."""
    return (peer.name, peer.settings.runtime, peer.stopped, peer.created_at, _PEER.text(peer))


def read_peers(found: Sequence[tuple[str, str]], broken: Broken | None = None) -> list[Peer]:
    """The peers of rows `name, data`; BrokenRowError."""
    return _read_all(_PEER, "peer '{}'", found, broken)


def session_row(session: Session) -> Row:
    """`id, peer, generation, state, conversation, started_at, pooled, data`."""
    return (
        session.id,
        session.peer,
        session.generation,
        str(session.state),
        session.conversation,
        session.started_at,
        session.pooled,
        _SESSION.text(session),
    )


def read_sessions(found: Sequence[tuple[str, str]], broken: Broken | None = None) -> list[Session]:
    """The sessions of rows `id, data`; BrokenRowError."""
    return _read_all(_SESSION, "session {}", found, broken)


DEATH_COLUMNS = (
    "session, peer, generation, at, cause, exit_code, signal, by, evidence, counted, conversation, last_lines"
)


def death_row(death: Death) -> Row:
    """The columns of DEATH_COLUMNS."""
    return (
        death.session,
        death.peer,
        death.generation,
        death.at,
        str(death.cause),
        death.exit_code,
        death.signal,
        death.by,
        death.evidence,
        death.counted,
        death.conversation,
        _LINES.text(death.last_lines),
    )


def read_death(row: Row) -> Death:
    """The death of a row; BrokenRowError."""
    session, peer, generation, at, cause, code, signal, by, evidence, counted, conversation, lines = row
    _read(f"the death of session {session}", partial(_check_time, at))
    return _read(
        f"the death of session {session}",
        lambda: Death(
            session=session,
            peer=peer,
            generation=generation,
            at=at,
            cause=Cause(cause),
            exit_code=code,
            signal=signal,
            by=by,
            evidence=evidence,
            counted=bool(counted),
            conversation=conversation,
            last_lines=_LINES.value(lines),
        ),
    )


MESSAGE_COLUMNS = (
    "sender, recipient, created_at, size, digest, topic, reply_to, state, why, expires_at, not_before,"
    " accepted_at, done_at, session, attempts, cut, redriven, notice, attachments, timing, origin, id"
)


def message_row(message: Message) -> Row:
    """The columns of MESSAGE_COLUMNS; the id comes last, as an UPDATE wants it."""
    notice = message.notice
    return (
        message.sender,
        message.to,
        message.created_at,
        message.size,
        message.digest,
        message.topic,
        message.reply_to,
        message.state.value,
        message.why,
        message.expires_at,
        message.not_before,
        message.accepted_at,
        message.done_at,
        message.session,
        message.attempts,
        message.cut,
        message.redriven,
        _NOTICE.text(notice) if notice is not None else None,
        _LINES.text(message.attachments) if message.attachments else None,
        message.timing.value,
        _ORIGIN.text(message.origin) if message.origin is not None else None,
        message.id,
    )


_STATES: Mapping[str, MessageState] = {state.value: state for state in MessageState}


def read_attachments(message: str, text: str) -> tuple[str, ...]:
    """The paths of the files that go with a message; BrokenRowError."""
    return _read(f"the attachments of message {message}", lambda: _LINES.value(text))


def read_message(row: Row) -> Message:
    """The message of a row; BrokenRowError."""
    return _read(f"message {row[21]}", lambda: _message(row))


def _check_time(at: object) -> None:
    if at is not None and not isinstance(at, float):
        raise ValueError(f"{at!r} is no time")


def _message(row: Row) -> Message:
    state = _STATES.get(row[7])
    if state is None:
        raise ValueError(f"the state '{row[7]}' is unknown to this version of roost")
    for at in (row[2], row[9], row[10], row[11], row[12]):
        _check_time(at)
    return Message(
        id=row[21],
        sender=row[0],
        to=row[1],
        created_at=row[2],
        size=row[3],
        digest=row[4],
        topic=row[5],
        reply_to=row[6],
        state=state,
        why=row[8],
        expires_at=row[9],
        not_before=row[10],
        accepted_at=row[11],
        done_at=row[12],
        session=row[13],
        attempts=row[14],
        cut=bool(row[15]),
        redriven=bool(row[16]),
        notice=None if row[17] is None else _NOTICE.value(row[17]),
        attachments=() if row[18] is None else _LINES.value(row[18]),
        timing=Timing(row[19]),
        origin=None if row[20] is None else _ORIGIN.value(row[20]),
    )


def read_attempt(row: Row) -> Attempt:
    """The attempt of `n, at, session, outcome, why`."""
    return Attempt(*row)


JOURNAL_COLUMNS = "seq, ts, kind, peer, session, message, cause, data"


def read_journal(row: Row) -> JournalRow:
    """The event of a row. One that cannot be read stands in its place all the same, and says so."""
    seq, ts, kind, peer, session, message, cause, data = row
    try:
        _check_time(ts)
        more: Any = _read(f"event {seq}", partial(from_text, data))
    except (BrokenRowError, ValueError) as error:
        ts, more = ts if isinstance(ts, float) else 0.0, {"unreadable": str(error)}
    return JournalRow(seq, ts, kind, peer, session, message, cause, more)


INTENT_COLUMNS = "key, kind, peer, at, session, message, data"


def intent_row(intent: Intent) -> Row:
    """The columns of INTENT_COLUMNS."""
    return (
        intent.key,
        intent.kind,
        intent.peer,
        intent.at,
        intent.session,
        intent.message,
        to_text(dict(intent.data)),
    )


def read_intent(row: Row) -> Intent:
    """The intent of a row; BrokenRowError."""
    key, kind, peer, at, session, message, data = row
    return _read(f"intent {key}", lambda: Intent(key, kind, peer, at, session, message, from_text(data)))


def watch_row(watch: Watch) -> Row:
    """Data, id, watcher, kind, subject."""
    return _WATCH.text(watch), watch.id, watch.watcher, str(watch.kind), watch.subject


def read_watch(row: Row) -> Watch:
    """The watch of a row `id, data`; BrokenRowError."""
    watch_id, data = row
    return _read(f"watch {watch_id}", lambda: _WATCH.value(data))
