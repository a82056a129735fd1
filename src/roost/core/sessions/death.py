"""What a death means: its cause, the message that was with the session, the next wake."""

from msgspec.structs import replace

from roost.core.messages import mailbox
from roost.core.sessions.hindrance import hinder
from roost.core.sessions.launch import leave_conversation, put_back
from roost.core.transition.conversations import cut_of, held_by, remember
from roost.core.transition.step import Step
from roost.core.transition.turns import cut_off, requeue
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.error_line import error_line
from roost.core.vocabulary.identity import derive
from roost.core.vocabulary.message import ANSWERED, Message, MessageState, Notice
from roost.core.vocabulary.peer import LastDeath, Quarantine, WakePolicy
from roost.core.vocabulary.phrases import ENDED, told
from roost.core.vocabulary.session import COUNTED, Cause, Death, Session, SessionState
from roost.core.vocabulary.view import iso

_SHOWN = 160
"""Characters of the last line that an agent showed before it failed to start."""
_SELF_CLOSED = frozenset({Cause.COMPLETED, Cause.ORPHAN, Cause.UNKNOWN})
_TOLD = frozenset({Cause.NOT_STARTED, Cause.CONVERSATION_REFUSED})
"""Ends whose reason came with the event that asked for them."""
_GIVEN_UP = frozenset({Cause.RESTART, Cause.REMOVED, Cause.EPHEMERAL_SILENT})


def on_died(step: Step, event: f.Died) -> None:
    """The session is over. Exactly one death counts, whoever noticed."""
    session = step.live(event.death.session)
    if session is None:
        return
    death = _named(session, event.death, tried_again=_tried_again(step, session))
    _tell_unanswered(step, session, death)  # before a task that its turn still has is ended, and that is told
    _settle_flight(step, session, death, conversation_exists=event.conversation_exists)
    if session.reads:
        mailbox.unread(step, death)
    nothing = _came_to_nothing(step, session, death, event)
    step.close_session(death)
    step.emit(_stopped(death))
    if not event.cleared:
        step.emit(c.clear(session))
    cut = bool(cut_of(step, session.topic))
    last = LastDeath(death.cause, step.now, cut, session.id, _reason(session, death), refusal=session.refusal)
    if _never_ran(session, death):
        _nothing_happened(step, session, death)
        return
    failed = session.resumed and not session.ready and death.cause in COUNTED
    _keep(step, session, last, failed=failed, nothing=nothing)
    if death.cause is Cause.EPHEMERAL_DONE:
        step.set_peer(deaths=(), failures=0)
    if not session.own_terminal:
        _back_off(step, session, death)
    if death.counted:
        _count(step, death, last)
    if (
        death.cause is Cause.BOOT_FAILED
        and step.peer.quarantine is None
        and not (session.pooled or session.own_terminal)
    ):
        _tell_unwoken(step)


def _nothing_happened(step: Step, session: Session, death: Death) -> None:
    """Nothing of the session ever ran: the next wake follows from how the session before it ended.

    Where its conversation was not there, that stays left: nothing goes on in it.
    """
    last, past = step.peer.last_death, step.peer.past
    if not session.pooled:
        step.set_peer(since=step.now)
        put_back(step, session)
        if session.before is None and last is not None and not session.resumed:
            past = replace(past, session="") if past is not None else None
            step.set_peer(last_death=replace(last, session=""), past=past)
    if death.cause is Cause.NOT_STARTED and not session.own_terminal:
        hinder(step, session.why if session.ending is not None else death.evidence)


def on_remained(step: Step, event: f.Remained) -> None:
    """Somebody has to know of processes that nothing ends: the peer goes on without them."""
    step.emit(c.Journal("alarm", step.peer.name, event.session, data={"why": event.why}))


def _stopped(death: Death) -> c.Journal:
    data = {"exit_code": death.exit_code, "signal": death.signal, "by": death.by, "evidence": death.evidence}
    return c.Journal("stopped", death.peer, death.session, None, str(death.cause), data)


def _never_ran(session: Session, death: Death) -> bool:
    """Whether the session ended before its agent's program ran: nobody is to blame for that."""
    lost = not session.launched and death.cause is Cause.UNKNOWN  # with its daemon, in its launch
    return lost or death.cause is Cause.NOT_STARTED


def _came_to_nothing(step: Step, session: Session, death: Death, event: f.Died) -> bool:
    """Whether the conversation before a fresh session goes on: that was never at its prompt, and left none.

    If it has left one, the conversation before it is over.
    """
    if session.before is None:
        return False
    failed = death.cause is Cause.BOOT_FAILED or _never_ran(session, death)
    if failed or not event.conversation_exists:
        return True
    leave_conversation(step, session.wake, session.topic)
    return False


def _keep(step: Step, session: Session, last: LastDeath, *, failed: bool, nothing: bool) -> None:
    """What the next wake needs to know of this end. `failed`: a resume has failed."""
    past = step.peer.parting if nothing else None
    if not session.pooled:
        step.set_peer(last_death=last, since=step.now, resume_failed=failed, past=past)
    if nothing:
        put_back(step, session)
    else:
        remember(step, session, last, resume_failed=failed)


def _named(session: Session, death: Death, *, tried_again: bool) -> Death:
    """The death with the cause that was asked for, where somebody asked, and the conversation to resume."""
    cause, by = death.cause, death.by
    if session.ending is not None:
        cause, by = session.ending.cause, session.ending.by
    elif not session.ready and cause in (Cause.CRASHED, Cause.COMPLETED) and not session.own_terminal:
        cause = Cause.BOOT_FAILED
    evidence = death.evidence
    told = cause in _TOLD and session.state is SessionState.STOPPING
    if (cause is Cause.BOOT_FAILED or told) and session.why:
        evidence = f"{session.why}; {evidence}" if evidence else session.why
    return replace(
        death,
        peer=session.peer,
        generation=session.generation,
        cause=cause,
        by=by,
        evidence=evidence,
        counted=cause in COUNTED and not tried_again and not session.own_terminal,
        conversation=session.conversation,
    )


def _tried_again(step: Step, session: Session) -> bool:
    """Whether a fresh session is given the task that this one ended with: a task may be to blame for its end.

    So a task that ends its workers counts once, when it is given up, and the queue goes on behind it (P4);
    several of them with none in between that ends well mean that the peer is to blame.
    """
    if step.peer.settings.wake is not WakePolicy.EPHEMERAL or not session.ready:
        return False
    return any(session.task == message.id and not message.redriven for message in step.state.in_flight)


def _settle_flight(step: Step, session: Session, death: Death, *, conversation_exists: bool) -> None:
    """Decide about the messages that were with the dead session: those of its turn, and an offered one."""
    for message in step.state.in_flight:
        if message.session != session.id:
            continue
        if message.state is MessageState.OFFERED and message.id not in session.answered:
            step.attempt(message, "interrupted", f"during the offer the session {ENDED[death.cause]}")
            step.emit(c.Examine(None, step.peer.name, message, session.conversation))
        else:
            _settle_turn(step, session, message, death, exists=conversation_exists)


def _settle_turn(step: Step, session: Session, message: Message, death: Death, *, exists: bool) -> None:
    """Decide about a message of the turn that the death cut off."""
    ended = f"in the middle of the turn its session {ENDED[death.cause]}"
    answered = _answered(session, message, ended)
    if answered is not None:
        step.finish(message, MessageState.DONE, answered)
    elif death.cause is Cause.RESTART and death.by == step.peer.name:
        cut_off(step, message, ended, keeps=False)
    elif death.cause in _GIVEN_UP:
        step.attempt(message, "cut", ended)
        step.finish(message, MessageState.DEAD_LETTER, ended, tell="died")
    elif step.traits.mailbox:
        requeue(step, message, ended)
    else:
        cut_off(
            step, message, ended, keeps=step.traits.resumable and exists and held_by(step, session, message)
        )


def _answered(session: Session, message: Message, ended: str) -> str | None:
    """Why nothing is left to do about a message although the end of its turn was not seen."""
    if session.ending is not None and session.ending.cause is Cause.COMPLETED:
        return "the agent said that it was done"
    if session.task == message.id and session.armed_at is not None:
        return ANSWERED
    if message.id in session.answered:
        return f"{ANSWERED}; {ended}"
    return None


def _tell_unanswered(step: Step, session: Session, death: Death) -> None:
    """N1: who gave a task hears of a worker that ended its turn, and then its session, without an answer."""
    task, sender = session.task, session.sender
    if death.cause is not Cause.EPHEMERAL_SILENT or session.armed_at is not None or not task or not sender:
        return
    if step.state.message(task) is None and sender != step.peer.name:
        why = f"its turn is over, and its session ended without an answer: {session.why}"
        ident = derive(step.peer.seed, "notice", task, "unanswered")
        step.emit(c.Notify(ident, sender, Notice(task, "unanswered", why)))


def _reason(session: Session, death: Death) -> str:
    """What a person wants to read about a death that nobody asked for, in a few words."""
    if death.cause is Cause.CONVERSATION_REFUSED:
        return session.why
    if death.cause not in COUNTED:
        return ""
    if death.cause is Cause.BOOT_FAILED and session.ending is not None:
        return session.why
    if death.signal is not None:
        how = f"signal {death.signal}"
    else:
        how = f"exit code {death.exit_code}" if death.exit_code is not None else ""
    shown = "" if session.ready else error_line(death.last_lines)[:_SHOWN]
    return ": ".join(part for part in (how, shown) if part)


def _back_off(step: Step, session: Session, death: Death) -> None:
    """Wait longer after each failure in a row; only a session that was up for long ends the row."""
    policy = step.policy
    stable = session.ready and step.now - session.begun >= policy.stable
    always = step.peer.settings.wake is WakePolicy.ALWAYS
    if death.cause not in COUNTED and not (always and death.cause in _SELF_CLOSED and not session.pooled):
        if stable:
            step.set_peer(failures=0)
        return
    failures = 1 if stable else step.peer.failures + 1
    delay = min(policy.backoff * 2 ** min(failures - 1, 20), policy.backoff_most)
    step.set_peer(failures=failures, backoff_until=step.now + delay)


FAILS = "fails to start"
"""The outcome of the one notice about a peer that fails to start, and goes on so or is quarantined."""


def _tell_unwoken(step: Step) -> None:
    """N1: who has waited for some seconds for a peer that fails to start hears so, and why.

    Who has not yet hears of it at the next failure, unless the peer starts or is quarantined before.
    """
    name = step.peer.name
    why = f"'{name}' {FAILS}: {step.peer.last_death.why if step.peer.last_death else ''}"
    for index, message in enumerate(step.state.messages):
        if message.waiting:
            if index == 0:
                step.attempt(message, "not woken", why)
            if step.now - message.created_at >= step.policy.healing:
                next_step = f"the message is kept and the wake is tried again; `roost show {name}` tells more"
                step.tell(message, FAILS, f"{why}; {next_step}")


def _count(step: Step, death: Death, last: LastDeath) -> None:
    """Too many counted deaths in the window trip the crash-loop guard (P6)."""
    settings, policy = step.peer.settings, step.policy
    deaths = (*(at for at in step.peer.deaths if at > step.now - settings.restart_window), step.now)
    step.set_peer(deaths=deaths)
    if len(deaths) < settings.restarts:
        return
    often = f"{len(deaths)} failures within {rough_duration(settings.restart_window)}"
    why = f"{often}; at the last it {told(death.cause, last.why)}"
    until = step.now + policy.quarantine
    step.set_peer(quarantine=Quarantine(until, why), deaths=(), backoff_until=None, pending=None)
    step.journal("quarantined", cause=str(death.cause), why=why, until=iso(until))
    name = step.peer.name
    next_step = f"the message is kept, `roost start {name}` tries again"
    news = f"'{name}' is quarantined until {iso(until)}: {why}; {next_step}"
    for message in step.state.messages:
        if message.in_flight and not message.cut:
            continue  # a spare died, and the running task goes on
        step.tell(message, FAILS if death.cause is Cause.BOOT_FAILED else "quarantined", news)
