"""How sessions are ended: by request, and by the policies of idle and ephemeral peers."""

from msgspec import Struct
from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState, Settings, WakePolicy
from roost.core.vocabulary.phrases import asked
from roost.core.vocabulary.session import Cause, Ending, Session, SessionState

AT_REST = frozenset({Cause.IDLE_SLEEP, Cause.TOOLS_MISSING})
"""Ends of a session because it does nothing: other work of it puts them off."""
VETOABLE = AT_REST | {Cause.EPHEMERAL_DONE, Cause.EPHEMERAL_SILENT}
"""Ends that nobody asked for: a person at the terminal puts them off."""


class PolicyEnd(Struct, frozen=True):
    """A session ends at this time (Unix seconds) unless something happens before."""

    at: float
    cause: Cause
    why: str


def end(step: Step, cause: Cause, by: str, *, why: str = "") -> None:
    """Begin the end of the live session; the first reason stands, but a vetoable one gives way to others.

    The kill authority is asked at once, or, while the launch still runs, as soon as the launch has ended:
    whatever it starts would otherwise be missed.
    """
    session = step.session
    assert session is not None  # noqa: S101 -- callers hold a live session
    if session.state is SessionState.STOPPING:
        if session.ending is not None and session.ending.cause in VETOABLE and cause not in VETOABLE:
            step.set_session(ending=Ending(cause, by, step.now), why=why or asked(cause, by))
        return
    step.set_session(ending=Ending(cause, by, step.now))
    step.enter(SessionState.STOPPING, why or asked(cause, by))
    if cause not in VETOABLE or not session.vetoed:
        # A vetoed end is tried again and again: the journal holds the first try and what came of it.
        step.journal("stopping", cause=str(cause), by=by, why=why)
    if session.launched:
        ask(step)


def park(step: Step) -> None:
    """Nothing wakes the peer any more; who waits for it is told. A mailbox takes mail as before."""
    if step.peer.stopped:
        return
    step.set_peer(stopped=True, pending=None, since=step.now)
    for message in () if step.traits.mailbox else step.state.messages:
        if message.waiting:
            step.tell(message, "stopped", f"'{step.peer.name}' was stopped; the message is kept")


def end_all(step: Step, cause: Cause, by: str) -> None:
    """Begin the end of every live session of the peer."""
    for session in step.state.sessions:
        with step.about(session.id):
            end(step, cause, by)


def ask(step: Step) -> None:
    """Ask the kill authority to end the stopping session."""
    session = step.session
    if session is not None and session.ending is not None:
        ending = session.ending
        step.emit(c.End(session, ending.cause, ending.by, guarded=ending.cause in VETOABLE))


def idle_since(session: Session) -> float:
    """When the session last did or got anything, in Unix seconds."""
    return max(session.since, session.active_at or 0.0)


def kept_until(settings: Settings, session: Session) -> float:
    """Until when it is not ended to make room (Unix seconds), for a person or for work that goes on in it."""
    held = session.held_until or 0.0
    return max(held, idle_since(session) + settings.work_limit) if session.background else held


def at_rest(state: PeerState, session: Session) -> bool:
    """Whether the live session does nothing, is handed nothing, and is asked for nothing."""
    return session.state is SessionState.IDLE and not state.in_flight and session.open_control is None


def policy_end(state: PeerState) -> PolicyEnd | None:
    """The end that the peer's policy has in store for the live session as it stands."""
    session, settings = state.session, state.peer.settings
    if session is None or session.state in (SessionState.STOPPING, SessionState.STARTING):
        return None
    if session.own_terminal:
        return None  # a person's own terminal is theirs to close (P5)
    if settings.wake is WakePolicy.EPHEMERAL and session.task is not None:
        return _task_end(state, session)
    if not at_rest(state, session):
        return None
    if session.ending is not None:
        return own_end(session.ending)
    if session.thread is not None:
        return None  # to let go of it would save nothing, and its server unloads what nobody holds
    if settings.wake is WakePolicy.ALWAYS or any(_waits(m.state, cut=m.cut) for m in state.messages):
        return None
    bound = settings.silence if settings.wake is WakePolicy.EPHEMERAL else settings.idle
    if session.background:
        bound = max(bound, settings.work_limit)
    why = f"idle for {rough_duration(bound)}{_unfinished(session)}"
    return PolicyEnd(idle_since(session) + bound, Cause.IDLE_SLEEP, why)


def _unfinished(session: Session) -> str:
    """What an end by a bound takes along, in words."""
    return f", beside what goes on in the background: {session.background}" if session.background else ""


def own_end(ending: Ending) -> PolicyEnd:
    """The end that the agent asked for itself, once its turn is over."""
    if ending.cause is Cause.RESTART:
        return PolicyEnd(ending.at, ending.cause, "it asked for a fresh session")
    why = "it said that it is done"
    return PolicyEnd(ending.at, ending.cause, f"{why}: {ending.note}" if ending.note else why)


def _waits(state: MessageState, *, cut: bool) -> bool:
    return cut or state is MessageState.QUEUED


def _task_end(state: PeerState, session: Session) -> PolicyEnd:
    """The end of a task's session, unless a person holds it until later."""
    due = _task_due(state, session)
    return replace(due, at=max(due.at, session.held_until or 0.0))


def _task_due(state: PeerState, session: Session) -> PolicyEnd:
    """P4 M2: quiet after the answer, counted at the prompt; otherwise the bound for a silent worker.

    Silence counts from the last sign of life: a worker that hangs must not hold up its queue for ever. It
    stands while work goes on in the background or its program asks something; then, and for a turn in which
    something happens all the time, there is a longer bound.
    """
    settings = state.peer.settings
    stands = bool(session.background) or session.state is SessionState.BLOCKED
    bound = max(settings.silence, settings.work_limit) if stands else settings.silence
    silent_at = idle_since(session) + bound
    longest = max(session.since, session.armed_at or 0.0) + max(settings.silence, settings.work_limit)
    if session.state is SessionState.WORKING and longest < silent_at:
        bound, silent_at = max(settings.silence, settings.work_limit), longest
    unfinished = _unfinished(session)
    if session.armed_at is None:
        why = f"no answer for {rough_duration(bound)}{unfinished}"
        return PolicyEnd(silent_at, Cause.EPHEMERAL_SILENT, why)
    driven = any(message.cut and message.id == session.task for message in state.messages)
    if session.state is SessionState.IDLE and not session.background and not driven:
        quiet_at = max(session.armed_at, idle_since(session)) + settings.quiet
        return PolicyEnd(quiet_at, Cause.EPHEMERAL_DONE, "its task is over")
    why = f"its task is over, and it was not done for {rough_duration(bound)}{unfinished}"
    return PolicyEnd(max(session.armed_at + bound, silent_at), Cause.EPHEMERAL_DONE, why)
