"""A conversation that the model refuses for what it holds: whatever is asked in it fails (C7).

Claude Code 2.1.332 and Codex 0.171.0 send the whole history with each prompt and keep a prompt that failed in
it. So one text that the model answers with an error, or one too many, makes every later turn fail as well, in
this process and in each that resumes the conversation.
"""

from collections.abc import Sequence

from roost.core.transition.ending import end
from roost.core.transition.step import Step
from roost.core.transition.turns import requeue
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Cause, Refusal, Session, SessionState
from roost.faults import Fault

_WHY = "its conversation is refused by the model"


def refuses(step: Step, session: Session, message: Message) -> bool:
    """Whether the failed turn of this message shows that the model refuses the conversation.

    It does when the turn of another message failed before, and none has succeeded since. `session`: as it was
    before the turn ended, which may have held several messages. An ephemeral session has one task, and ends
    when that is given up. A session that is ending anyway ends for the reason that it has: the next turn in
    its conversation will tell.
    """
    if step.peer.settings.wake is WakePolicy.EPHEMERAL or session.state is SessionState.STOPPING:
        return False
    if session.own_terminal or step.peer.settings.wake is WakePolicy.NEVER:
        return False  # the conversation is a person's, who sees it fail, and decides
    return session.refusal is not None and session.refusal.message != message.id


def keep(step: Step, message: Message, failed: str) -> None:
    """The message is offered in a fresh conversation; one that failed before is to blame itself."""
    if message.redriven:
        step.finish(message, MessageState.DEAD_LETTER, f"the turn failed: {failed}", tell="failed")
        return
    step.attempt(message, "failed", f"{_WHY}: {failed}")
    requeue(step, message, f"{_WHY}: {failed}; it is offered again in a fresh one", redriven=True)
    news = f"the conversation of '{step.peer.name}' is refused by the model: {failed}"
    step.tell(message, "conversation refused", f"{news}; the message is kept and offered in a fresh one")


def conclude(step: Step, session: Session, over: Sequence[Message], event: f.TurnEnded) -> None:
    """What the end of a turn, which these messages had, tells of the conversation.

    An answer, or the model's refusal, for which one message may be to blame itself; the second such message
    in a row ends the session as a park. A failing service, an error that tells nothing of whose fault it is,
    and a person's interrupt say nothing of the conversation.
    """
    if not over or step.session is None:
        return
    if event.failed is None:
        if session.refusal is not None:
            step.set_session(refusal=None)
        if step.peer.refusals:
            step.set_peer(refusals=0)
    elif session.state is SessionState.STOPPING and session.refusal is not None:
        return
    elif event.fault is Fault.REQUEST and not event.interrupted:
        step.set_session(refusal=Refusal(over[-1].id, event.failed))
        if any(refuses(step, session, message) for message in over):
            _leave(step, event.failed)


def _leave(step: Step, failed: str) -> None:
    """The next wake is fresh. From the second conversation in a row on it waits: it may be of no help."""
    refusals, policy = step.peer.refusals + 1, step.policy
    step.set_peer(refusals=refusals)
    if refusals > 1:
        delay = min(policy.backoff * 2 ** min(refusals, 20), policy.backoff_most)
        step.set_peer(backoff_until=step.now + delay)
    why = f"{_WHY}: {failed}"
    if step.session is not None and step.session.background:
        why = f"{why}; what went on in the background ends with it: {step.session.background}"
    end(step, Cause.CONVERSATION_REFUSED, "roost", why=why)
