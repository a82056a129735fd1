"""What people and agents are shown of a peer: one state and one sentence."""

import datetime as dt

from msgspec import Struct

from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.identity import HUMAN, REMOTE, host_of
from roost.core.vocabulary.message import TO_READ, UNHINDERED, Message, MessageState
from roost.core.vocabulary.move import Move
from roost.core.vocabulary.peer import PeerState, WakePolicy
from roost.core.vocabulary.phrases import told
from roost.core.vocabulary.session import Session, SessionState, Tools


class Shown(Struct, frozen=True):
    """The state of the contract's `list`, why, and since when (Unix seconds)."""

    state: str
    why: str
    since: float


def shown(state: PeerState, now: float) -> Shown:
    """Live session's state > stopped > quarantined > asleep; of a peer of another host, where it is."""
    if state.peer.settings.runtime == REMOTE:
        return _remote(state)
    session, hindered = state.session, state.peer.hindered
    if session is not None:
        if session.state is SessionState.STARTING and hindered is not None:
            return Shown("starting", f"{session.why}; before, {hindered.why}", session.since)
        held = _held(state)
        if held is not None:
            return Shown("blocked", f"{held.why}; asked again at {iso(held.not_before)}", session.since)
        waits = _waits(state)
        why = f"{_doing(session, now)}; a message waits: {waits}" if waits else _doing(session, now)
        return Shown(str(session.state), why, session.since)
    moving = state.peer.moving
    if moving is not None:
        return Shown("stopped", _moving(moving), state.peer.since)
    return _without_session(state, now)


def _remote(state: PeerState) -> Shown:
    """What is known here: where it lives, and how much of what this host sent it has not ended."""
    peer = state.peer
    why = f"lives on {host_of(peer.name)}; unfinished from here: {len(state.messages) or 'nothing'}"
    return Shown("remote", why, peer.since or peer.created_at)


def _without_session(state: PeerState, now: float) -> Shown:
    """Parked, quarantined, not to be started, or asleep."""
    peer = state.peer
    if peer.stopped:
        return Shown("stopped", f"parked; `roost start {peer.name}` unparks it", peer.since)
    if peer.quarantine is not None and now < peer.quarantine.until:
        until = iso(peer.quarantine.until)
        return Shown("quarantined", f"{peer.quarantine.why}; until {until}", peer.since)
    hindered = _hindered(state, now)
    if hindered is not None:
        return hindered
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
    if peer.settings.wake is WakePolicy.NEVER:
        goes_on = peer.settings.resumes_away and peer.conversation is not None
        here = ", and mail goes on with its conversation here" if goes_on else ""
        return Shown("asleep", f"{_last(state)}; nobody runs it now{here}", peer.since or peer.created_at)
    if peer.last_death is None:
        return Shown("asleep", "has not run yet", peer.since or peer.created_at)
    return Shown("asleep", _last(state), peer.since)


def _moving(move: Move) -> str:
    """How far a move is."""
    if move.arriving:
        return f"moves here from {move.host}, and lives there until all of it is here"
    told = "and has all of it; the fleet is told" if move.ready else "which has not said yet that it has it"
    return f"moves to {move.host}, {told if move.handed else 'once nothing of it lives here'}"


def _hindered(state: PeerState, now: float) -> Shown | None:
    """A peer that is wanted and cannot be started, which is not its own doing."""
    peer = state.peer
    if peer.hindered is None:
        return None
    why = f"cannot be started: {peer.hindered.why}"
    wanted = state.queued or peer.settings.wake is WakePolicy.ALWAYS or any(m.cut for m in state.messages)
    if not wanted:
        return Shown("asleep", f"{why}; tried again when it is wanted", peer.since)
    if peer.backoff_until is not None and now < peer.backoff_until:
        why = f"{why}; tried again at {iso(peer.backoff_until)}"
    return Shown("blocked", why, peer.hindered.since)


def _doing(session: Session, now: float) -> str:
    """What was seen of a live session, and what keeps it from being put to sleep."""
    if session.state is not SessionState.IDLE:
        return session.why
    refusal = session.refusal
    why = (
        session.why if refusal is None else f"{session.why}; its model refused its latest turn: {refusal.why}"
    )
    if session.tools is Tools.DOUBTED:
        why += "; it may be without its tools, as the daemon was replaced before it had asked for them"
    if session.background:
        return f"{why}; kept for what goes on in the background: {session.background}"
    kept = session.vetoed not in ("", session.why) and now < (session.held_until or 0.0)
    return f"{why}; not put to sleep: {session.vetoed}" if kept else why


def _held(state: PeerState) -> Message | None:
    """The message of a failed turn, while the session waits at its prompt until its model is asked again."""
    session = state.session
    if session is None or session.state is not SessionState.IDLE:
        return None
    apart = state.peer.settings.apart
    held = (each for each in state.messages if each.cut and each.not_before)
    return next((each for each in held if not apart or each.topic == session.topic), None)


def _waits(state: PeerState) -> str:
    """Why a session at its prompt has not taken the next message yet."""
    if state.session is not None and state.session.reads:
        return TO_READ if state.queued else ""
    if state.session is None or state.session.state is not SessionState.IDLE:
        return ""
    held = state.session.held_offer
    for message in state.messages:
        waits = message.state in (MessageState.QUEUED, MessageState.OFFERED)
        if held is not None and held.message == message.id and waits and message.why not in UNHINDERED:
            return f"{message.why}, since {iso(held.since)}"
        if message.state is MessageState.QUEUED and message.not_before is not None:
            return f"at the latest try, {message.why}; tried again at {iso(message.not_before)}"
        if message.state is MessageState.OFFERED and message.why not in UNHINDERED:
            return message.why
    if state.session.own_terminal and state.queued:
        return "it goes in as its program takes it, in its next turn at the latest"
    control = state.session.open_control
    if control is not None and state.queued:
        return f"it was asked by {control.by} at {iso(control.at)} to {control.kind}, which comes first"
    task = state.session.task if state.peer.settings.wake is WakePolicy.EPHEMERAL else None
    return "a session is for one task, and this one's has not ended yet" if task and state.queued else ""


def _last(state: PeerState) -> str:
    """How the last session ended."""
    death = state.peer.last_death
    if death is None:
        return "has not run yet"
    why = f"its last session {told(death.cause, death.why)}"
    refusal = state.refusal
    return why if refusal is None else f"{why}; its model refused its latest turn: {refusal.why}"


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
