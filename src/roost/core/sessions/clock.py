"""What a moved clock means: everything that was to happen later is still to happen after the same time."""

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Hindrance, LastDeath, Peer, PeerState
from roost.core.vocabulary.session import Session


def on_clock_moved(step: Step, event: f.ClockMoved) -> None:
    """Move the times that decide about something; what has happened else keeps the time it had then.

    A message's time to live, and the time for its answer, run on while the machine sleeps: only what the
    clock was set by counts for them.
    """
    state = step.state
    peer = _moved_peer(state.peer, event)
    sessions = tuple(_moved_session(session, event.by) for session in state.sessions)
    messages = tuple(moved_message(message, event) for message in state.messages)
    step.state = PeerState.of(peer, sessions, messages)
    step.emit(c.SavePeer(peer), *map(c.SaveSession, sessions))
    step.emit(*(c.SaveMessage(new) for new, old in zip(messages, state.messages, strict=True) if new != old))


def _later(at: float | None, by: float) -> float | None:
    return None if at is None else at + by


def _moved_peer(peer: Peer, event: f.ClockMoved) -> Peer:
    quarantine = peer.quarantine
    return replace(
        peer,
        # What comes from now on is none of a namesake's before it, though it bears an earlier time.
        created_at=peer.created_at + min(event.set_by, 0.0),
        backoff_until=_later(peer.backoff_until, event.by),
        quarantine=replace(quarantine, until=quarantine.until + event.by) if quarantine is not None else None,
        hindered=_moved_hindrance(peer.hindered, event.by) if peer.hindered is not None else None,
        deaths=tuple(at + event.by for at in peer.deaths),
        last_death=_moved_death(peer.last_death, event.by) if peer.last_death is not None else None,
        awaits=tuple(replace(each, by=each.by + event.set_by) for each in peer.awaits),
        conversations=tuple(
            replace(each, last_death=_moved_death(each.last_death, event.by)) for each in peer.conversations
        ),
    )


def _moved_hindrance(hindered: Hindrance, by: float) -> Hindrance:
    return replace(hindered, since=hindered.since + by, at=hindered.at + by)


def _moved_death(death: LastDeath, by: float) -> LastDeath:
    """It tells how long ago a session was last there."""
    return replace(death, at=death.at + by)


def _moved_session(session: Session, by: float) -> Session:
    ending, control = session.ending, session.control
    return replace(
        session,
        clock_moved=session.clock_moved + by,
        since=session.since + by,
        active_at=_later(session.active_at, by),
        armed_at=_later(session.armed_at, by),
        held_until=_later(session.held_until, by),
        # A control request is named by the time at which it was asked for, so that time stays.
        control=replace(control, clock_moved=control.clock_moved + by) if control is not None else None,
        questions=tuple(replace(each, since=each.since + by) for each in session.questions),
        ending=replace(ending, at=ending.at + by) if ending is not None else None,
    )


def moved_message(message: Message, event: f.ClockMoved) -> Message:
    """The message with the times that decide about it by the clock as it is now."""
    return replace(
        message,
        expires_at=_later(message.expires_at, event.set_by),
        not_before=_later(message.not_before, event.by),
    )
