"""A session in a terminal of a person's own: begun by them alone, and given mail when its program asks."""

from roost.core.sessions.launch import launch, take_over
from roost.core.transition.step import Step
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import WakeMode, WakePolicy
from roost.core.vocabulary.session import Session, SessionState


def on_run(step: Step, event: r.Run) -> None:
    """Begin a session in the person's terminal. A peer has one at a time, wherever it runs."""
    name, peer, session = step.peer.name, step.peer, step.session
    if step.traits.mailbox:
        return step.refuse(f"'{name}' is a mailbox and has no program to run")
    if peer.settings.threaded or peer.settings.pool or peer.settings.wake is WakePolicy.EPHEMERAL:
        kind = "a thread of a server, has a pool, or has a session for each task"
        return step.refuse(f"'{name}' is {kind}; run another peer here")
    if peer.removing or peer.renaming is not None:
        return step.refuse(f"'{name}' is being {'removed' if peer.removing else 'renamed'}")
    if session is not None or step.state.sessions:
        return step.refuse(_taken(step))
    if event.resume and not (step.traits.resumable and peer.conversation):
        return step.refuse(f"'{name}' has no conversation to go on with; run it without --resume")
    step.set_peer(stopped=False)
    mode = WakeMode.RESUME if event.resume else WakeMode.FRESH
    launch(step, mode, event.by, None, None, own_terminal=True)
    return None


def turn_begins(step: Step, session: Session) -> None:
    """A turn has begun: what could not be handed over at rest need not wait for its next try there."""
    if not session.own_terminal or session.state is SessionState.WORKING:
        return
    take_over(step, session)
    for message in step.state.messages:
        if message.state is MessageState.QUEUED and message.not_before is not None:
            step.set_message(message, not_before=None)


def _taken(step: Step) -> str:
    name, session = step.peer.name, step.session
    if session is not None and session.own_terminal:
        if session.state is SessionState.STOPPING:
            return f"'{name}' is just being ended in another terminal; try again in a moment"
        if session.processes is None:
            return f"'{name}' is being started in another terminal; try again in a moment"
        return (
            f"'{name}' runs already, in another terminal; give this one another name, or `roost stop {name}`"
        )
    return f"'{name}' has a session; join it with `roost attach {name}`, or end it with `roost stop {name}`"
