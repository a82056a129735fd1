"""The messages that wait: which is next, which wakes its recipient, which has waited too long."""

from collections.abc import Iterable

from roost.core.messages import remote
from roost.core.transition.step import Step
from roost.core.vocabulary.message import Message, MessageState, Timing
from roost.core.vocabulary.peer import WakePolicy

_URGENCY = {Timing.NOW: 1, Timing.NEXT: 2, Timing.IDLE: 3}


def expire(step: Step) -> None:
    """End messages whose time to live is over while they wait, for the first time or after a cut turn."""
    if step.state.expiry is None or step.now < step.state.expiry:
        return
    for message in step.state.messages:
        if not message.waiting or message.expires_at is None or step.now < message.expires_at:
            continue
        if step.traits.remote:
            remote.overdue(step, message)
        else:
            why = (
                "its turn was cut off and its time to live ran out"
                if message.cut
                else "its time to live ran out"
            )
            step.finish(message, MessageState.EXPIRED, why, tell="expired")
    step.renew_expiry()


def head(step: Step) -> Message | None:
    """The message to see to next: the first that waits, if it may go now."""
    first = _first(message for message in step.state.messages if message.waiting and _fits(step, message))
    if first is None or (first.not_before is not None and step.now < first.not_before):
        return None
    return first


def waking(step: Step) -> Message | None:
    """The message that wakes the sleeping peer: notices do not, nor does what waits for an idle agent.

    Each task of an ephemeral peer has a session of its own, which is idle when it comes: there all wake.
    """
    ephemeral = step.peer.settings.wake is WakePolicy.EPHEMERAL
    return _first(
        message
        for message in step.state.messages
        if message.waiting
        and message.notice is None
        and (message.cut or ephemeral or message.timing is not Timing.IDLE)
    )


def next_offer(step: Step) -> Message | None:
    """The message to hand to the active session; one of another conversation is not passed over."""
    message, session = head(step), step.session
    if message is None or session is None:
        return None
    strange = step.peer.settings.apart and message.notice is None and message.topic != session.topic
    return None if strange else message


def _first(waiting: Iterable[Message]) -> Message | None:
    """The earliest of the most urgent: what was begun goes on before anything else begins."""
    return min(waiting, key=_urgency, default=None)


def _urgency(message: Message) -> int:
    return 0 if message.cut else _URGENCY[message.timing]


def _fits(step: Step, message: Message) -> bool:
    """P4: an ephemeral session gets one task, and after it, until it has answered, notices."""
    session = step.session
    if step.peer.settings.wake is not WakePolicy.EPHEMERAL or session is None:
        return True
    if message.notice is None:
        return session.task in (None, message.id)
    return session.task is not None and session.armed_at is None
