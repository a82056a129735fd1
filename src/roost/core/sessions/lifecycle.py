"""A live session as it is seen: launched, adopted, ready, working, blocked, done."""

from roost.core.messages.queue import next_offer
from roost.core.sessions import own_terminal
from roost.core.sessions.hindrance import runs
from roost.core.sessions.launch import FRESH, RESUMES, new_conversation, take_over
from roost.core.sessions.questions import seen
from roost.core.transition.conversations import begun_anew, cut_of, topics_of, turn_to
from roost.core.transition.ending import VETOABLE, ask, end
from roost.core.transition.step import Step
from roost.core.transition.turns import give_up
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.peer import WakeMode, WakePolicy
from roost.core.vocabulary.session import (
    INSISTS,
    Cause,
    Ending,
    Session,
    SessionState,
    Tools,
    WakeCause,
)

_OBSERVABLE = {
    SessionState.IDLE: "idle",
    SessionState.WORKING: "working",
    SessionState.BLOCKED: "blocked",
    SessionState.UNKNOWN: "unknown",
}
"""What a look can tell, and its kind in the journal; the other states are decided, not seen."""


def on_launched(step: Step, event: f.Launched) -> None:
    """The processes run. An end that was asked for meanwhile can now find them."""
    session = step.live(event.session)
    if session is None:
        return
    step.set_session(processes=event.processes)
    _found(step, session)
    runs(step, session)
    if session.state is SessionState.STOPPING and not session.launched:
        ask(step)


def on_thread_joined(step: Step, event: f.ThreadJoined) -> None:
    """The session is a thread, found or begun. An end that was asked for meanwhile lets go of it."""
    session = step.live(event.session)
    if session is None:
        return
    step.set_session(thread=event.thread, conversation=event.thread.id)
    step.set_peer(conversation=event.thread.id)
    _found(step, session)
    runs(step, session)
    if session.state is SessionState.STOPPING and not session.launched:
        ask(step)


def _found(step: Step, session: Session) -> None:
    """It has been launched: its conversation was there, if it is to go on with one."""
    if session.resumed and session.state is SessionState.STARTING:
        step.enter(SessionState.STARTING, RESUMES)


def on_adopted(step: Step, event: f.Adopted) -> None:
    """The daemon has joined a session that outlived the previous daemon."""
    session = step.live(event.session)
    if session is None:
        return
    if session.tools is Tools.AWAITED:
        given = tuple(each.id for each in step.state.in_flight if each.session == session.id)
        step.set_session(tools=Tools.DOUBTED, toolless=given)
    step.journal("adopted")


def on_observed(step: Step, event: f.Observed) -> None:
    """The session was seen in a state."""
    session = step.live(event.session)
    if session is None:
        return
    if event.conversation is not None:
        _runs(step, session, event.conversation, event.anew)
    if event.background is not None and event.background != session.background:
        # What has ended is a sign of life: the clocks of idleness begin anew.
        step.set_session(background=event.background, active_at=step.now)
    if session.state is SessionState.STOPPING or event.state not in _OBSERVABLE:
        return
    if event.asks is not None:
        seen(step, event.asks)
    if event.state is SessionState.WORKING:
        # A person may have given it a prompt before it was seen at rest in their own terminal.
        ready = session.ready or session.own_terminal
        own_terminal.turn_begins(step, session)
        goes_on = session.state is SessionState.WORKING or bool(step.state.in_flight)
        step.set_session(
            active_at=step.now,
            vetoed="",
            held_until=None,
            ready=ready,
            roused=session.roused and goes_on,
        )
    if event.state is SessionState.IDLE and not session.ready:
        take_over(step, session)
        step.set_session(ready=True, active_at=step.now)
        step.enter(SessionState.IDLE, event.why)
        took = step.now - session.begun
        step.journal("ready", took=round(took, 3))
        head = next_offer(step) if not session.pooled else None
        if head is not None:
            step.emit(c.SaveAttempt(head.id, session.id, "ready", rough_duration(took)))
    elif step.enter(event.state, event.why):
        step.journal(_OBSERVABLE[event.state], why=event.why)


def _runs(step: Step, session: Session, conversation: str, anew: float | None) -> None:
    """The session runs this conversation: another one than was known, or more is known of it."""
    if conversation == session.conversation:
        if anew is not None and not session.pooled:
            begun_anew(step, anew)
        return
    if not session.pooled:
        turn_to(step, session.conversation, conversation, anew)
    if session.resumed and not session.ready:
        _not_resumed(step, session)
    refusal = session.refusal if session.conversation is None else None
    step.set_session(conversation=conversation, refusal=refusal)


def _not_resumed(step: Step, session: Session) -> None:
    """It was to go on with its conversation, and has begun another one before its first prompt."""
    why = f"conversation {session.conversation} could not be gone on with"
    give_up(step, cut_of(step, session.topic), why)
    step.set_session(resumed=False, wake=WakeCause.RESUME_FAILED)
    step.set_peer(topics=topics_of(session.topic))
    step.journal("starting", cause=str(WakeCause.RESUME_FAILED), resume=False, why=why)
    _begins_fresh(step, session, why)


def _begins_fresh(step: Step, session: Session, why: str) -> None:
    """The message that the session was woken for is told so in its story."""
    head = next_offer(step) if not session.pooled else None
    if head is not None:
        step.emit(c.SaveAttempt(head.id, session.id, "fresh", why))


def on_released(step: Step, event: f.Released) -> None:
    """The launch that waited for its conversation goes on."""
    session = step.live(event.session)
    if session is not None and session.held:
        step.enter(SessionState.STARTING, "looking for its conversation, which is free now")


def on_completed(step: Step, event: f.Completed) -> None:
    """The agent said that it is done: its session ends after the turn, and is not a crash."""
    session = step.live(event.session)
    if session is None or session.ending is not None or session.own_terminal:
        return
    step.set_session(ending=Ending(Cause.COMPLETED, step.peer.name, step.now, event.summary))
    if step.peer.settings.wake is WakePolicy.EPHEMERAL and session.task and session.armed_at is None:
        step.set_session(armed_at=step.now)


def on_boot_failed(step: Step, event: f.BootFailed) -> None:
    """The session never came to its prompt; unless its agent's program ran, that is nobody's crash."""
    session = step.live(event.session)
    if session is None:
        return
    stopping = session.state is SessionState.STOPPING
    if not stopping and event.blame is Blame.PROGRAM:
        end(step, Cause.BOOT_FAILED, "roost", why=event.why)
    elif not stopping:
        end(step, Cause.NOT_STARTED, str(event.blame), why=event.why)
    if not session.launched:
        ask(step)


def on_conversation_missing(step: Step, event: f.ConversationMissing) -> None:
    """There is nothing to resume: the same session starts fresh, unless the operator insisted on a resume."""
    session = step.live(event.session)
    if session is None or not session.resumed or session.launched:
        return
    why = event.why or f"conversation {session.conversation} is not on disk"
    if session.state is SessionState.STOPPING or session.wake in INSISTS:
        blame = Blame.SETUP if session.wake is WakeCause.AWAY_RESUME else Blame.PROGRAM
        on_boot_failed(step, f.BootFailed(session.id, why, blame))
        return
    give_up(step, cut_of(step, session.topic), why)
    conversation = new_conversation(step, session.generation)
    fresh = step.set_session(
        resumed=False,
        wake=WakeCause.RESUME_FAILED if event.why else WakeCause.CONVERSATION_GONE,
        conversation=conversation,
        refusal=None,
        why=FRESH,
    )
    step.set_peer(conversation=conversation, topics=topics_of(session.topic))
    step.journal("starting", cause=str(fresh.wake), resume=False, why=why, conversation=conversation)
    _begins_fresh(step, session, why)
    step.emit(c.Launch(fresh))


def on_orphaned(step: Step, event: f.Orphaned) -> None:
    """What is left of the session ends."""
    if step.live(event.session):
        end(step, event.cause, "roost", why=event.why)


def on_end_vetoed(step: Step, event: f.EndVetoed) -> None:
    """The end did not happen; the session goes on and the idle clock starts again.

    A veto holds against idle sleep only: where somebody asked for the end meanwhile, it is asked for again.
    """
    session = step.live(event.session)
    if session is None or session.state is not SessionState.STOPPING or session.ending is None:
        return
    if session.ending.cause not in VETOABLE:
        ask(step)
        return
    known = session.vetoed == event.why
    step.set_session(ending=None, held_until=event.until, vetoed=event.why)
    if not session.pooled:
        step.set_session(active_at=max(step.now, event.until - step.peer.settings.idle))
    if step.peer.pending is not None and step.peer.pending.mode is not WakeMode.FRESH:
        step.set_peer(pending=None)
    step.enter(SessionState.IDLE, event.why)
    if not known:
        step.journal("idle", why=event.why)
