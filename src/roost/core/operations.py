"""What is asked of a peer: wake, stop, start, restart, refresh, remove, other settings."""

from roost.core.sessions.hindrance import unhinder
from roost.core.sessions.pool import renew
from roost.core.transition.conversations import divide, join
from roost.core.transition.ending import end, end_all, park
from roost.core.transition.step import Step
from roost.core.transition.turns import give_up
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import PendingWake, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.phrases import only_run
from roost.core.vocabulary.session import Cause, Ending, SessionState


def on_wake(step: Step, event: r.Wake) -> None:
    """Somebody wants a session now: one that is ending does not count."""
    peer, session = step.peer, step.session
    why = _unwakeable(step, event)
    if why is not None:
        return step.refuse(why)
    live = session is not None and session.state is not SessionState.STOPPING
    if live and event.mode is not WakeMode.FRESH:
        if event.mode is WakeMode.RESUME:
            step.emit(c.Advise(f"'{peer.name}' is awake already, and its session goes on as it is"))
        return None
    if event.mode is WakeMode.RESUME and not (step.traits.resumable and peer.conversation):
        return step.refuse(f"'{peer.name}' has no conversation to resume; wake it without --resume")
    if event.mode is WakeMode.RESUME and peer.left_refused:
        return step.refuse(f"the model refuses the conversation of '{peer.name}'; wake it without --resume")
    _ask_for(step, event.mode, event.by)
    if session is not None and event.mode is WakeMode.FRESH:
        end(step, Cause.RESTART, event.by)
    return None


def _unwakeable(step: Step, event: r.Wake) -> str | None:
    """Why the peer is not to be woken, whatever it does now."""
    peer, session = step.peer, step.session
    if step.traits.mailbox:
        return f"'{peer.name}' is a mailbox and has no session; see `roost inbox {peer.name}`"
    if peer.removing:
        return f"'{peer.name}' is being removed"
    if session is None and peer.settings.wake is WakePolicy.NEVER and not step.goes_on_here:
        return only_run(peer.name)
    if session is not None and session.own_terminal and event.mode is WakeMode.FRESH:
        return _theirs(peer.name)
    if peer.settings.resumes_away and event.mode is WakeMode.FRESH:
        return _of_a_person(peer.name)
    if peer.moving is not None:
        return f"'{peer.name}' is moving; see `roost show {peer.name}`"
    return f"'{peer.name}' is stopped; unpark it with `roost start {peer.name}`" if peer.stopped else None


def on_stop(step: Step, event: r.Stop) -> None:
    """Park the peer, and end all of its sessions."""
    park(step)
    end_all(step, Cause.OPERATOR_STOP, event.by)


def on_rest(step: Step, event: r.Rest) -> None:
    """End all sessions, but park nothing. One in a person's own terminal is theirs to end."""
    if step.session is not None and step.session.own_terminal:
        return
    end_all(step, Cause.OPERATOR_STOP, event.by)


def on_start(step: Step, _event: r.Start) -> None:
    """Unpark the peer."""
    if step.peer.removing:
        return step.refuse(f"'{step.peer.name}' is being removed")
    step.set_peer(stopped=False, quarantine=None, backoff_until=None, failures=0, deaths=(), since=step.now)
    return None


def on_restart(step: Step, event: r.Restart) -> None:
    """Another session, whatever was; the pool ends too. One that resumes goes on with a turn that was cut."""
    if step.traits.mailbox:
        return step.refuse(f"'{step.peer.name}' is a mailbox; there is nothing to restart")
    if step.peer.removing:
        return step.refuse(f"'{step.peer.name}' is being removed")
    if step.peer.moving is not None:
        return step.refuse(f"'{step.peer.name}' is moving; see `roost show {step.peer.name}`")
    if step.session is not None and step.session.own_terminal:
        return step.refuse(_theirs(step.peer.name))
    if step.peer.settings.wake is WakePolicy.NEVER and not step.goes_on_here:
        return step.refuse(only_run(step.peer.name))
    if step.peer.settings.resumes_away and not event.resume:
        return step.refuse(_of_a_person(step.peer.name))
    if event.resume and not (step.traits.resumable and step.peer.conversation):
        return step.refuse(f"'{step.peer.name}' has no conversation to resume; restart it without --resume")
    step.set_peer(stopped=False)
    _ask_for(step, WakeMode.RESUME if event.resume else WakeMode.FRESH, event.by)
    end_all(step, Cause.OPERATOR_STOP if event.resume else Cause.RESTART, event.by)
    return None


def on_refresh(step: Step, event: r.Refresh) -> None:
    """Mark the peer: its next natural wake is fresh. The session that lives now goes on.

    But for one whose model refused its latest turn: that would go on failing. What is with it now is another
    turn, which nobody knows the end of.
    """
    if step.traits.mailbox:
        return step.refuse(f"'{step.peer.name}' is a mailbox; it has no conversation to refresh")
    if step.peer.removing:
        return step.refuse(f"'{step.peer.name}' is being removed")
    if step.peer.settings.resumes_away:
        return step.refuse(_of_a_person(step.peer.name))
    _mark_fresh(step, event.by)
    session = step.session
    if session is None or session.refusal is None or step.state.in_flight or session.own_terminal:
        return None
    if session.state is SessionState.IDLE:
        end(step, Cause.CONVERSATION_REFUSED, event.by, why=f"its model refuses it: {session.refusal.why}")
    return None


def on_take_over(step: Step, event: r.TakeOver) -> None:
    """The journal tells who typed; that a person types is seen at the terminal itself."""
    step.journal("taken-over", by=event.by)


def on_fresh_asked(step: Step, event: r.FreshAsked) -> None:
    """The agent wants a fresh session of itself: this one ends after its turn, the next wake is fresh.

    It is woken at once where something waits for it or its policy keeps it up; otherwise by the next message.
    """
    session = step.live(event.session)
    if session is None or session.state is SessionState.STOPPING or session.own_terminal:
        return
    if step.peer.settings.resumes_away:
        step.refuse(_of_a_person(step.peer.name))
        return
    if not step.peer.settings.apart:  # otherwise the end of this conversation alone makes it begin anew
        _mark_fresh(step, step.peer.name)
    if session.ending is None or session.ending.cause is Cause.COMPLETED:
        step.set_session(ending=Ending(Cause.RESTART, step.peer.name, step.now))
    if step.peer.settings.wake is WakePolicy.EPHEMERAL and session.task and session.armed_at is None:
        step.set_session(armed_at=step.now)


def _mark_fresh(step: Step, by: str) -> None:
    if not step.peer.fresh_next:
        step.set_peer(fresh_next=True)
        step.journal("fresh-next", by=by)


def on_remove(step: Step, event: r.Remove) -> None:
    """Purge the peer once nothing of it lives."""
    if step.state.sessions and not event.force:
        return step.refuse(
            f"'{step.peer.name}' is live; stop it first or use `roost remove {step.peer.name} --force`"
        )
    if step.peer.moving is not None:
        return step.refuse(
            f"'{step.peer.name}' is moving; `roost move {step.peer.name} --cancel` calls it off"
        )
    if step.traits.remote and step.state.messages:
        return step.refuse(f"messages for '{step.peer.name}' are on their way; see `roost messages`")
    step.set_peer(removing=True, stopped=True, pending=None)
    end_all(step, Cause.REMOVED, event.by)
    return None


def on_configure(step: Step, event: r.Configure) -> None:
    """Other settings; a conversation belongs to its runtime, so another runtime begins anew."""
    before, after = step.peer.settings, event.settings
    hindrance = _hindrance(step, after)
    if hindrance:
        return step.refuse(hindrance)
    begins = after.apart and not before.apart
    if after.runtime != before.runtime:
        cut = [message for message in step.state.messages if message.cut]
        give_up(step, cut, "its turn was cut off and the runtime has changed")
        step.set_peer(
            conversation=None, topics=(), conversations=(), earlier=(), resume_failed=False, past=None
        )
        if step.session is not None:
            step.set_session(before=None)
    step.set_peer(settings=after)
    if step.peer.hindered is not None and after != before:
        unhinder(step)
        step.set_peer(backoff_until=None)
    if begins:
        divide(step)
    elif before.apart and not after.apart:
        join(step)
    renew(step, before)
    if event.settings.wake is WakePolicy.EPHEMERAL and before.wake is not WakePolicy.EPHEMERAL:
        _use_up(step)
    return None


def _hindrance(step: Step, after: Settings) -> str:
    """Why it cannot have these settings now; "" when it can."""
    peer, before = step.peer, step.peer.settings
    if peer.moving is not None:
        return f"'{peer.name}' is moving, with the settings that it had"
    if after.apart and not before.apart and any(not session.spare for session in step.state.pool):
        return f"sessions of '{peer.name}' are still ending; try again in a moment"
    if after.threaded != before.threaded and step.state.sessions:
        return f"'{peer.name}' is live; stop it first to change whose server it is on"
    if after.runtime != before.runtime and step.state.sessions:
        return f"'{peer.name}' is live; stop it first to change its runtime"
    if after.runtime != before.runtime and step.state.in_flight:
        return f"a message of '{peer.name}' is being looked into; try again in a moment"
    return ""


def _use_up(step: Step) -> None:
    """P4 M1: a live session that has a past is not fresh, so it gets no task any more but the one it has.

    A notice is no task: nobody waits for an answer to it.
    """
    session = step.session
    if session is None or not (session.ready or session.resumed):
        return
    cut = (message for message in step.state.messages if message.cut and message.session == session.id)
    begun = [message for message in (*step.state.in_flight, *cut) if message.notice is None]
    task = next((message for message in begun if message.id == session.task), begun[0] if begun else None)
    if task is None:
        step.set_session(used=True, task=session.id, armed_at=step.now)
    else:
        armed_at = session.armed_at if task.id == session.task else None
        step.set_session(used=True, task=task.id, armed_at=armed_at, sender=task.sender)


def _of_a_person(name: str) -> str:
    """Why no fresh conversation begins here under a name that is a person's conversation."""
    return f"'{name}' goes on with a person's conversation (away=resume); begin another one in your terminal"


def _theirs(name: str) -> str:
    return f"'{name}' runs in a person's own terminal: end it there, or with `roost stop {name}`"


def _ask_for(step: Step, mode: WakeMode, by: str) -> None:
    step.set_peer(pending=PendingWake(mode, by), quarantine=None, backoff_until=None, failures=0, deaths=())
