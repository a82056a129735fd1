"""Sessions: launching, watching, ending, and what a death means for the next wake."""

from dataclasses import replace

from roost.core import commands as c
from roost.core import events as e
from roost.core.durations import rough_duration
from roost.core.identity import derive, derive_uuid
from roost.core.limits import TOPICS_KEPT
from roost.core.message import Message, MessageState
from roost.core.peer import LastDeath, PendingWake, Quarantine, WakeMode, WakePolicy
from roost.core.session import (
    COUNTED,
    Cause,
    Death,
    Ending,
    Session,
    SessionState,
    WakeCause,
)
from roost.core.step import Step
from roost.core.wake import decide_wake
from roost.errors import RefusedError

_JOURNALLED = {
    SessionState.IDLE: "idle",
    SessionState.WORKING: "working",
    SessionState.BLOCKED: "blocked",
    SessionState.UNKNOWN: "unknown",
}


def live(step: Step, session_id: str) -> Session | None:
    """The live session, if it is the one that the event speaks of: an event about another is too late."""
    session = step.session
    return session if session is not None and session.id == session_id else None


def on_wake(step: Step, event: e.Wake) -> None:
    """Somebody wants a session now."""
    peer = step.peer
    if step.traits.mailbox:
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is a mailbox; there is nothing to wake")))
    if peer.stopped:
        return step.emit(
            c.Refuse(RefusedError(f"'{peer.name}' is stopped; unpark it with `roost start {peer.name}`"))
        )
    if step.session is not None and event.mode is not WakeMode.FRESH:
        return None
    if event.mode is WakeMode.RESUME and not (step.traits.resumable and peer.conversation):
        return step.emit(
            c.Refuse(RefusedError(f"'{peer.name}' has no conversation to resume; wake it without --resume"))
        )
    step.set_peer(pending=PendingWake(event.mode, event.by), quarantine=None, backoff_until=None, deaths=())
    if step.session is not None:
        end(step, Cause.RESTART, event.by)
    return None


def on_stop(step: Step, event: e.Stop) -> None:
    """Park the peer."""
    if not step.peer.stopped:
        step.set_peer(stopped=True, pending=None, since=step.now)
    if step.session is not None:
        end(step, Cause.OPERATOR_STOP, event.by)


def on_rest(step: Step, event: e.Rest) -> None:
    """End the session, but park nothing."""
    if step.session is not None:
        end(step, Cause.OPERATOR_STOP, event.by)


def on_start(step: Step, _event: e.Start) -> None:
    """Unpark the peer."""
    step.set_peer(stopped=False, quarantine=None, backoff_until=None, deaths=(), since=step.now)


def on_restart(step: Step, event: e.Restart) -> None:
    """A fresh session, whatever was."""
    if step.traits.mailbox:
        return step.emit(
            c.Refuse(RefusedError(f"'{step.peer.name}' is a mailbox; there is nothing to restart"))
        )
    step.set_peer(
        stopped=False,
        pending=PendingWake(WakeMode.FRESH, event.by),
        quarantine=None,
        backoff_until=None,
        deaths=(),
    )
    if step.session is not None:
        end(step, Cause.RESTART, event.by)
    return None


def on_remove(step: Step, event: e.Remove) -> None:
    """Purge the peer once nothing of it lives."""
    if step.session is not None and not event.force:
        return step.emit(
            c.Refuse(RefusedError(f"'{step.peer.name}' is live; stop it first or use `roost remove --force`"))
        )
    step.set_peer(removing=True, stopped=True)
    if step.session is not None:
        end(step, Cause.REMOVED, event.by)
    return None


def on_completed(step: Step, event: e.Completed) -> None:
    """The agent said that it is done: its session ends after the turn, and is not a crash."""
    session = live(step, event.session)
    if session is not None:
        step.set_session(ending=Ending(Cause.COMPLETED, step.peer.name, step.now))


def on_launched(step: Step, event: e.Launched) -> None:
    """The processes run."""
    if live(step, event.session):
        step.set_session(processes=event.processes)


def on_adopted(step: Step, event: e.Adopted) -> None:
    """The daemon has joined a session that outlived the previous daemon."""
    if live(step, event.session):
        step.journal("adopted")


def on_observed(step: Step, event: e.Observed) -> None:
    """The session was seen in a state."""
    session = live(step, event.session)
    if session is None or session.state is SessionState.STOPPING:
        return
    if event.conversation is not None and event.conversation != session.conversation:
        step.set_session(conversation=event.conversation)
        step.set_peer(conversation=event.conversation)
    if event.state is SessionState.WORKING:
        step.set_session(active_at=step.now)
    if event.state is SessionState.IDLE and not session.ready:
        step.set_session(ready=True, active_at=step.now)
        step.enter(SessionState.IDLE, event.why)
        step.journal("ready", took=round(step.now - session.started_at, 3))
        return
    if step.enter(event.state, event.why) and event.state in _JOURNALLED:
        step.journal(_JOURNALLED[event.state], why=event.why)


def on_boot_failed(step: Step, event: e.BootFailed) -> None:
    """The session never came to its prompt."""
    if live(step, event.session):
        end(step, Cause.BOOT_FAILED, "roost", why=event.why)


def on_conversation_missing(step: Step, event: e.ConversationMissing) -> None:
    """There is nothing to resume: the same session starts fresh, unless the operator insisted on a resume."""
    session = live(step, event.session)
    if session is None or not session.resumed:
        return
    why = f"conversation {session.conversation} is not on disk"
    if session.wake is WakeCause.OPERATOR_RESUME:
        end(step, Cause.BOOT_FAILED, "roost", why=why)
        return
    for message in step.state.messages:
        if message.cut:
            requeue(step, message, f"{why}; offered again in a fresh conversation")
    conversation = _conversation(step, session.generation)
    fresh = step.set_session(
        resumed=False,
        wake=WakeCause.FIRST_WAKE,
        conversation=conversation,
        why="starting a fresh conversation",
    )
    step.set_peer(conversation=conversation, topics=())
    step.journal("starting", cause=str(fresh.wake), resume=False, why=why, conversation=conversation)
    step.emit(c.Launch(fresh))


def on_orphaned(step: Step, event: e.Orphaned) -> None:
    """What is left of the session ends."""
    if live(step, event.session):
        end(step, Cause.SERVER_EXIT, "roost", why=event.why)


def on_end_vetoed(step: Step, event: e.EndVetoed) -> None:
    """The end did not happen; the session goes on and the idle clock starts again."""
    session = live(step, event.session)
    if session is None or session.state is not SessionState.STOPPING:
        return
    step.set_session(ending=None, active_at=max(step.now, event.until - step.peer.settings.idle))
    step.enter(SessionState.IDLE, event.why)
    step.journal("idle", why=event.why)


def end(step: Step, cause: Cause, by: str, *, why: str = "", guarded: bool = False) -> None:
    """Ask the kill authority for the end of the live session; the first reason given stands."""
    session = step.session
    assert session is not None  # noqa: S101 -- callers hold a live session
    if session.state is SessionState.STOPPING:
        return
    session = step.set_session(ending=Ending(cause, by, step.now))
    step.enter(SessionState.STOPPING, why or f"{cause} by {by}")
    step.journal("stopping", cause=str(cause), by=by, why=why)
    step.emit(c.End(step.set_session(), cause, by, guarded))


def on_died(step: Step, event: e.Died) -> None:
    """The session is over. Exactly one death counts, whoever noticed."""
    session = live(step, event.death.session)
    if session is None:
        return
    death = _named(step, session, event.death)
    cut = _settle_flight(step, session, death, conversation_exists=event.conversation_exists)
    step.close_session(death)
    step.emit(
        c.Journal(
            "stopped",
            step.peer.name,
            session.id,
            None,
            str(death.cause),
            {
                "exit_code": death.exit_code,
                "signal": death.signal,
                "by": death.by,
                "evidence": death.evidence,
            },
        )
    )
    step.set_peer(
        last_death=LastDeath(death.cause, step.now, cut),
        since=step.now,
        resume_failed=session.resumed and not session.ready and death.cause in COUNTED,
    )
    if death.counted:
        _count(step, death)


def _named(step: Step, session: Session, death: Death) -> Death:
    """The death with the cause that was asked for, where somebody asked, and the conversation to resume."""
    cause, by = death.cause, death.by
    if session.ending is not None:
        cause, by = session.ending.cause, session.ending.by
    elif not session.ready and cause in (Cause.CRASHED, Cause.COMPLETED):
        cause = Cause.BOOT_FAILED
    evidence = death.evidence
    if cause is Cause.BOOT_FAILED and session.why:
        evidence = f"{session.why}; {evidence}" if evidence else session.why
    return replace(
        death,
        cause=cause,
        by=by,
        evidence=evidence,
        counted=cause in COUNTED,
        conversation=session.conversation,
    )


def _settle_flight(step: Step, session: Session, death: Death, *, conversation_exists: bool) -> bool:
    """Decide about the message that was with the dead session; True when its turn is to be driven again."""
    message = step.state.in_flight
    if message is None:
        return False
    if message.state is MessageState.OFFERED:
        step.attempt(message, "interrupted", f"the session ended ({death.cause}) during the offer")
        step.emit(c.Examine(None, step.peer.name, message, session.conversation))
        return False
    ended = f"the session ended in the middle of the turn ({death.cause})"
    step.attempt(message, "cut", ended)
    final = death.cause in (Cause.RESTART, Cause.REMOVED, Cause.EPHEMERAL_SILENT) or message.redriven
    if final or not step.traits.resumable:
        step.finish(message, MessageState.DEAD_LETTER, ended, tell="died")
        return False
    if not conversation_exists:
        requeue(step, message, f"{ended}; the conversation is not on disk, so it is offered again")
        return False
    step.set_message(message, cut=True, why=f"{ended}; it is driven again on resume")
    step.tell(message, "interrupted", f"{ended}; it is driven again when the session resumes")
    return True


def requeue(step: Step, message: Message, why: str) -> None:
    """The message is provably not with anybody: it waits again, under its id, at its place."""
    step.set_message(message, state=MessageState.QUEUED, session=None, cut=False, why=why)


def _count(step: Step, death: Death) -> None:
    """Back off after a counted death; too many in the window trip the crash-loop guard (P6)."""
    settings, policy = step.peer.settings, step.policy
    deaths = (*(at for at in step.peer.deaths if at > step.now - settings.restart_window), step.now)
    delay = min(policy.backoff * 2 ** (len(deaths) - 1), policy.backoff_most)
    step.set_peer(deaths=deaths, backoff_until=step.now + delay)
    if len(deaths) < settings.restarts:
        return
    why = (
        f"{len(deaths)} deaths within {rough_duration(settings.restart_window)}, the last: {death.cause}"
        + (f" ({death.evidence})" if death.evidence else "")
    )
    step.set_peer(quarantine=Quarantine(step.now + policy.quarantine, why), deaths=(), pending=None)
    step.journal("quarantined", cause=str(death.cause), why=why, until=step.now + policy.quarantine)
    for message in step.state.messages:
        step.tell(message, "quarantined", f"'{step.peer.name}' is quarantined: {why}")


def launch(step: Step, mode: WakeMode, by: str, head: Message | None) -> bool:
    """Begin a session by the wake table; False when an operator's resume has nothing to resume."""
    peer, traits = step.peer, step.traits
    cut = next((message for message in step.state.messages if message.cut), None)
    topic = head.topic if head else None
    resumable = traits.resumable and peer.conversation is not None
    decision = decide_wake(peer, mode, topic, cut=cut is not None, resumable=resumable)
    if decision is None:
        return False
    if cut is not None and not decision.resume:
        _give_up_cut(step, cut, decision.cause)
    generation = peer.generation + 1
    conversation = peer.conversation if decision.resume else _conversation(step, generation)
    topics = peer.topics if decision.resume else ()
    session = Session(
        id=derive(peer.seed, "session", generation),
        peer=peer.name,
        generation=generation,
        nonce=derive(peer.seed, "nonce", generation),
        wake=decision.cause,
        resumed=decision.resume,
        started_at=step.now,
        since=step.now,
        why="resuming its conversation" if decision.resume else "starting a fresh conversation",
        conversation=conversation,
    )
    step.set_peer(
        generation=generation,
        conversation=conversation,
        topics=topics,
        fresh_next=False,
        resume_failed=False,
        pending=None,
        backoff_until=None,
    )
    step.open_session(session)
    step.journal(
        "starting", cause=str(decision.cause), resume=decision.resume, by=by, conversation=conversation
    )
    step.emit(c.Launch(session))
    return True


def _conversation(step: Step, generation: int) -> str | None:
    """The id of a fresh conversation, where the runtime lets us choose it."""
    if not step.traits.chooses_conversation:
        return None
    return derive_uuid(step.peer.seed, "conversation", generation)


def _give_up_cut(step: Step, message: Message, cause: WakeCause) -> None:
    """A fresh conversation does not hold the cut message: it is shown again, unless the operator chose so."""
    if cause is WakeCause.OPERATOR_FRESH:
        step.finish(
            message,
            MessageState.DEAD_LETTER,
            "its turn was cut off and the operator started fresh",
            tell="died",
        )
    else:
        requeue(step, message, f"its turn was cut off; offered again in a fresh conversation ({cause})")


def remember_topic(step: Step, topic: str | None) -> None:
    """Note a topic that the running conversation has dealt with."""
    if topic is not None:
        kept = [other for other in step.peer.topics if other != topic]
        step.set_peer(topics=(*kept, topic)[-TOPICS_KEPT:])


def idle_since(session: Session) -> float:
    """When the session last did or got anything, in Unix seconds."""
    return max(session.since, session.active_at or 0.0)


def due_end(step: Step) -> tuple[Cause, str] | None:
    """The policy death that is due for an idle session now, with its reason."""
    session, settings = step.session, step.peer.settings
    if session is None or session.state in (SessionState.STOPPING, SessionState.STARTING):
        return None
    if settings.wake is WakePolicy.EPHEMERAL and session.task is not None:
        if session.armed_at is not None and session.state is SessionState.IDLE:
            if step.now >= session.armed_at + settings.quiet:
                return Cause.EPHEMERAL_DONE, "its task is answered"
        elif session.armed_at is None and step.now >= idle_since(session) + settings.silence:
            return Cause.EPHEMERAL_SILENT, f"no answer for {rough_duration(settings.silence)}"
        return None
    if session.state is not SessionState.IDLE or step.state.in_flight is not None:
        return None
    if session.ending is not None and session.ending.cause is Cause.COMPLETED:
        return Cause.COMPLETED, "it said that it is done"
    if settings.wake is WakePolicy.WARM and step.now >= idle_since(session) + settings.idle:
        return Cause.IDLE_SLEEP, f"idle for {rough_duration(settings.idle)}"
    return None
