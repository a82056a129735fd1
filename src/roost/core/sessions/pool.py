"""Sessions that a peer keeps beside its active one (B1).

An ephemeral peer keeps spares: fresh sessions at their prompt, each for one task to come. Any other peer with
a pool keeps its conversations apart: the active session makes way for a message of another conversation, and
waits in the pool, warm, for the next message of its own.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from roost.core.messages.queue import head
from roost.core.sessions.launch import launch, leave_conversation, new_session
from roost.core.sessions.wake import wake_blocked_until
from roost.core.transition.conversations import current, topics_of
from roost.core.transition.ending import PolicyEnd, end, idle_since, kept_until, own_end
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import PeerState, Settings, WakeMode
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, Session, SessionState, WakeCause

_BEST = {SessionState.IDLE: 0, SessionState.STARTING: 1}
"""Which spare takes over first; any other that lives comes last."""


def begin(step: Step, mode: WakeMode, by: str, message: Message | None) -> bool:
    """Make a session the active one: a pooled one that fits, else a new one.

    False when an operator's resume has nothing to resume. True also while a pooled session of the same
    conversation has to end first: two sessions never run one conversation.
    """
    settings = step.peer.settings
    if settings.spares and mode is WakeMode.NATURAL:
        spare = min(_staying(step.state), key=lambda s: (_BEST.get(s.state, 2), s.generation), default=None)
        if spare is not None:
            _take_over(step, spare, message)
            return True
    topic = message.topic if message is not None else None
    if settings.apart:
        if message is None or mode is not WakeMode.NATURAL:
            topic = current(step.peer)
        kept = _kept(step.state, topic)
        if kept is not None:
            if mode is WakeMode.FRESH:
                with step.about(kept.id):
                    end(step, Cause.RESTART, by)
            elif kept.state is not SessionState.STOPPING:
                _take_over(step, kept, message)
            return True
    return launch(step, mode, by, topic, message)


def _staying(state: PeerState) -> Iterator[Session]:
    """Pooled sessions of the kind that the peer keeps now, which nobody has asked to end."""
    for session in state.pool:
        ends = session.state is SessionState.STOPPING or session.ending is not None
        if not ends and _belongs(state.peer.settings, session):
            yield session


def _belongs(settings: Settings, session: Session) -> bool:
    """Whether it is of the kind that the peer keeps; without a pool, none is."""
    return settings.spares if session.spare else settings.apart


def _kept(state: PeerState, topic: str | None) -> Session | None:
    return next((s for s in state.pool if not s.spare and s.topic == topic), None)


def _take_over(step: Step, session: Session, message: Message | None) -> None:
    """A pooled session becomes the active one, as if it had been launched just now."""
    if session.spare:
        leave_conversation(step, WakeCause.EPHEMERAL, None)
        step.set_peer(fresh_next=False)
    step.activate(session)
    step.set_session(active_at=step.now)
    step.set_peer(
        conversation=session.conversation,
        topics=topics_of(session.topic),
        resume_failed=False,
        pending=None,
        quarantine=None,
        backoff_until=None,
    )
    if message is not None:
        how = "with a session that was kept ready" if session.spare else "in its warm session"
        step.emit(c.SaveAttempt(message.id, session.id, "woke", how))
    if session.ready:
        step.journal("ready", took=0.0, pooled=True)
    else:
        step.journal(str(session.state), why=session.why, pooled=True)


def make_way(step: Step) -> None:
    """An idle active session goes to the pool when the next message is for another conversation."""
    session = step.session
    if not step.peer.settings.apart or session is None or session.ending is not None:
        return
    if session.open_control is not None:
        return
    if session.state is not SessionState.IDLE or not session.ready or step.state.in_flight:
        return
    message = head(step)
    if message is None or message.notice is not None or message.topic == session.topic:
        return
    if step.peer.stopped or step.peer.away or not step.policy.waking:
        return
    kept = _kept(step.state, message.topic)
    blocked = kept is None and wake_blocked_until(step.state) > step.now
    if blocked or (kept is not None and kept.state is SessionState.STOPPING):
        return
    step.shelve()
    begin(step, WakeMode.NATURAL, message.sender, message)


def tend(step: Step) -> None:
    """End the pooled sessions that are due."""
    for session, due in list(_endings(step.state)):
        if step.now >= due.at:
            by = session.ending.by if session.ending is not None else "roost"
            with step.about(session.id):
                end(step, due.cause, by, why=due.why)


def due_times(state: PeerState) -> Iterator[float]:
    """When pooled sessions end unless something happens before (Unix seconds)."""
    return (due.at for _, due in _endings(state))


def _endings(state: PeerState) -> Iterator[tuple[Session, PolicyEnd]]:
    if not state.pool:
        return
    staying = sorted(_staying(state), key=lambda session: last_used(state, session))
    idle = [session for session in staying if session.state is SessionState.IDLE]
    surplus = {session.id for session in idle[: max(len(staying) - state.peer.settings.pool, 0)]}
    for session in state.pool:
        due = _policy_end(state, session, surplus=session.id in surplus)
        if due is not None:
            yield session, due


def _policy_end(state: PeerState, session: Session, *, surplus: bool) -> PolicyEnd | None:
    settings = state.peer.settings
    held = kept_until(settings, session)
    if session.state in (SessionState.STOPPING, SessionState.WORKING):
        return None
    if not _belongs(settings, session):
        why = "its peer keeps no such sessions any more"
        idle = session.state is SessionState.IDLE
        return PolicyEnd(held, Cause.IDLE_SLEEP, why) if idle else PolicyEnd(0, Cause.OPERATOR_STOP, why)
    if session.state is not SessionState.IDLE:
        return None
    if session.ending is not None:
        return own_end(session.ending)
    if surplus:
        return PolicyEnd(held, Cause.IDLE_SLEEP, "the least recently used beyond what the pool holds")
    if settings.spares and state.session is not None:
        return None
    why = f"not used for {rough_duration(settings.idle)}"
    used = last_used(state, replace(session, held_until=None, background=""))
    return PolicyEnd(max(used + settings.idle, held), Cause.IDLE_SLEEP, why)


def last_used(state: PeerState, session: Session) -> float:
    """When a pooled session was of use last (Unix seconds): a spare is, for as long as its peer works.

    One that a person works in is in use until it is held no more.
    """
    used = max(idle_since(session), kept_until(state.peer.settings, session))
    if not session.spare:
        return used
    active = idle_since(state.session) if state.session is not None else 0.0
    died = state.peer.last_death.at if state.peer.last_death is not None else 0.0
    return max(used, active, died)


def wants_spare(state: PeerState, now: float, policy: Policy) -> bool:
    """Whether one more spare should boot: one at a time, and never in the way of a task."""
    peer, active = state.peer, state.session
    if not peer.settings.spares or peer.stopped or peer.removing or not policy.waking:
        return False
    if peer.away or peer.pending is not None or wake_blocked_until(state) > now:
        return False
    staying = list(_staying(state))
    if len(staying) >= peer.settings.pool or any(s.state is SessionState.STARTING for s in staying):
        return False
    if active is None:
        return peer.last_death is not None and now < peer.last_death.at + peer.settings.idle
    at_work = active.ready and active.state is not SessionState.STOPPING
    return at_work and state.offered is None


def on_spare(step: Step, _event: f.Spare) -> None:
    """The host has room for one more spare."""
    if not wants_spare(step.state, step.now, step.policy):
        return
    session = new_session(step, WakeCause.EPHEMERAL, spare=True)
    with step.about(session.id):
        step.journal(
            "starting",
            cause=str(session.wake),
            resume=False,
            by="roost",
            conversation=session.conversation,
            pooled=True,
        )
    step.emit(c.Launch(session))


def on_evict(step: Step, event: f.Evict) -> None:
    """The host holds too many pooled sessions, and this one was used least recently."""
    session = step.live(event.session)
    held = session is not None and kept_until(step.peer.settings, session) > step.now
    if session is not None and session.pooled and session.state is SessionState.IDLE and not held:
        end(step, Cause.IDLE_SLEEP, "roost", why=event.why)


def renew(step: Step, before: Settings) -> None:
    """Spares were started with the settings of before: where those differ, new ones take their place."""
    after = step.peer.settings
    if all(getattr(before, name) == getattr(after, name) for name in ("dir", "prompt", "env", "args")):
        return
    for session in step.state.pool:
        if session.spare:
            with step.about(session.id):
                end(step, Cause.OPERATOR_STOP, "roost", why="it was started with other settings")
