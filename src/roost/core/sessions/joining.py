"""A session that somebody else started joins: a program that runs already is a peer for a while.

Nobody gets a name by saying it. A name belongs to the conversation that had it; one that comes back has it
again, and whoever else wants it is told how a person frees it.
"""

from msgspec.structs import replace

from roost.core.messages import mailbox
from roost.core.sessions.death import on_died
from roost.core.sessions.launch import new_session
from roost.core.transition.ending import end, park
from roost.core.transition.step import Step
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.phrases import of_another
from roost.core.vocabulary.session import Cause, Death, Ending, Joined, Session, WakeCause


def on_join(step: Step, event: r.Join) -> None:
    """The program becomes the peer's session. One that has joined already stays what it is."""
    session = step.session
    joined = session.joined if session is not None else None
    if session is not None and joined is not None and session.conversation == event.conversation:
        if joined.process == event.process:
            return None
        why = f"process {joined.process.pid} has joined as '{step.peer.name}' with this very conversation"
        return step.refuse(f"{why}; leave there by `roost leave`")
    why = _unfit(step)
    if why is None and session is not None and session.held and session.conversation == event.conversation:
        _give_way(step, session, event.by)
    why = why or _taken(step, event)
    if why is not None:
        return step.refuse(why)
    new_session(step, WakeCause.JOINED, resumes=event.conversation)
    step.set_session(own_terminal=True, joined=Joined(event.process, event.reads), why="it has joined")
    if event.reads:
        mailbox.keep_all(step)
    step.set_peer(
        conversation=event.conversation,
        stopped=False,
        fresh_next=False,
        resume_failed=False,
        pending=None,
        quarantine=None,
        backoff_until=None,
    )
    step.journal(
        "starting", cause=str(WakeCause.JOINED), resume=True, by=event.by, conversation=event.conversation
    )
    return None


def on_hooked(step: Step, event: r.Hooked) -> None:
    """Its hooks run: one that read its mail itself is handed it from now on."""
    session = step.live(event.session)
    joined = session.joined if session is not None else None
    if joined is None or not joined.reads:
        return
    step.set_session(joined=replace(joined, reads=False))
    mailbox.give_back(step)
    step.journal("hooked")


def on_leave(step: Step, event: r.Leave) -> None:
    """It is let go of. A thread of a server could be followed again at any time, so its peer is parked."""
    session = step.live(event.session)
    if session is None or not session.guest:
        return step.refuse("this session has not joined; `roost stop NAME` ends one that roost runs")
    if session.thread is not None:
        park(step)
    return end(step, Cause.LEFT, event.by)


def _give_way(step: Step, session: Session, by: str) -> None:
    """A session of ours has waited until a person closes the conversation, and they join with it."""
    step.set_session(ending=Ending(Cause.LEFT, by, step.now))
    why = "nothing of it ran: a person has its conversation open, and has joined"
    death = Death(session.id, session.peer, session.generation, step.now, Cause.UNKNOWN, evidence=why)
    on_died(step, f.Died(death))


def _unfit(step: Step) -> str | None:
    """Why nothing can join as this peer, whoever it is."""
    name, peer = step.peer.name, step.peer
    if step.traits.mailbox:
        return f"'{name}' is a mailbox; join by another name"
    if peer.removing or peer.renaming is not None:
        return f"'{name}' is being {'removed' if peer.removing else 'renamed'}"
    if peer.moving is not None:
        return f"'{name}' is moving; see `roost show {name}`"
    if peer.settings.wake is not WakePolicy.NEVER:
        return f"'{name}' is a peer that roost starts and ends itself; join by another name"
    return None


def _taken(step: Step, event: r.Join) -> str | None:
    """Why the name is somebody else's."""
    name, session, known = step.peer.name, step.session, step.peer.conversation
    if session is not None and not session.own_terminal and session.conversation == event.conversation:
        here = f"'{name}' goes on with this conversation in a session of roost's"
        return f"{here}; end that by `roost stop {name}`, from a terminal of yours, then join again"
    if session is not None or step.state.sessions:
        return f"'{name}' is somebody else, who is live; join by another name"
    if known not in (None, event.conversation):
        return of_another(name)
    return None
