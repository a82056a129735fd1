"""What people and agents are shown of a peer: one state and one sentence."""

import datetime as dt
from dataclasses import dataclass

from roost.core.durations import rough_duration
from roost.core.identity import HUMAN
from roost.core.message import HANDED, HANDED_AGAIN, STEERED, Message, MessageState
from roost.core.peer import PeerState
from roost.core.session import SessionState


@dataclass(frozen=True, slots=True)
class Shown:
    """The state of the contract's `list`, why, and since when (Unix seconds)."""

    state: str
    why: str
    since: float


def shown(state: PeerState, now: float) -> Shown:
    """Live session's state > stopped > quarantined > asleep."""
    peer, session = state.peer, state.session
    if session is not None:
        held = _held(state)
        if held is not None:
            return Shown("blocked", f"{held.why}; asked again at {iso(held.not_before)}", session.since)
        kept = session.state is SessionState.IDLE and session.vetoed not in ("", session.why)
        why = f"{session.why}; not put to sleep: {session.vetoed}" if kept else session.why
        waits = _waits(state)
        why = f"{why}; a message waits: {waits}" if waits else why
        return Shown(str(session.state), why, session.since)
    if peer.stopped:
        return Shown("stopped", f"parked; `roost start {peer.name}` unparks it", peer.since)
    if peer.quarantine is not None and now < peer.quarantine.until:
        until = iso(peer.quarantine.until)
        return Shown("quarantined", f"{peer.quarantine.why}; until {until}", peer.since)
    if peer.backoff_until is not None and now < peer.backoff_until and state.queued:
        return Shown("asleep", f"{_last(state)}; woken again at {iso(peer.backoff_until)}", peer.since)
    if any(message.state is MessageState.UNKNOWN for message in state.messages):
        return Shown("asleep", "a message is in doubt; see `roost messages --state unknown`", peer.since)
    if peer.settings.runtime == HUMAN:
        return Shown(
            "asleep", f"a mailbox, {state.queued or 'nothing'} unread, {heard(state, now)}", peer.since
        )
    pooled = sum(1 for session in state.pool if session.state is not SessionState.STOPPING)
    if pooled:
        kept = "ready for a task" if peer.settings.spares else "warm for its conversation"
        return Shown("asleep", f"{pooled} in its pool, {kept}", peer.since)
    if peer.last_death is None:
        return Shown("asleep", "has not run yet", peer.since or peer.created_at)
    return Shown("asleep", _last(state), peer.since)


def _held(state: PeerState) -> Message | None:
    """The message of a failed turn, while the session waits at its prompt until its model is asked again."""
    session = state.session
    if session is None or session.state is not SessionState.IDLE:
        return None
    return next(
        (each for each in state.messages if each.session == session.id and each.cut and each.not_before), None
    )


def _waits(state: PeerState) -> str:
    """Why a session at its prompt has not taken the next message yet."""
    if state.session is None or state.session.state is not SessionState.IDLE:
        return ""
    for message in state.messages:
        put_back = message.state is MessageState.QUEUED and message.not_before is not None
        handed = message.why in (HANDED, HANDED_AGAIN, STEERED)
        if put_back or (message.state is MessageState.OFFERED and not handed):
            return message.why
    return ""


def _last(state: PeerState) -> str:
    """How the last session ended."""
    death = state.peer.last_death
    if death is None:
        return "has not run yet"
    return f"last session: {death.cause}{f': {death.why}' if death.why else ''}"


def heard(state: PeerState, now: float) -> str:
    """When somebody last read or wrote as a peer that has no process, in words (H6)."""
    peer = state.peer
    if peer.since <= peer.created_at:
        return "not used yet"
    return f"last used {rough_duration(max(now - peer.since, 0.0))} ago"


_LAST = 253402300799.0
"""The last second of the year 9999, behind which dates have no such name: what lies there is shown as it."""


def iso(at: float | None) -> str | None:
    """ISO-8601 UTC with milliseconds, or None."""
    if at is None:
        return None
    at = min(max(at, 0.0), _LAST)
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
