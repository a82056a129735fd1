"""Messages: accepting, offering, evidence, ends."""

from roost.core import commands as c
from roost.core import events as e
from roost.core.identity import OPERATOR
from roost.core.lifecycle import live, remember_topic, requeue
from roost.core.message import Examination, Message, MessageState
from roost.core.peer import WakePolicy
from roost.core.session import SessionState
from roost.core.step import Step
from roost.errors import QueueFullError, RefusedError


def on_submit(step: Step, event: e.Submit) -> None:
    """Accept a message into the queue, or refuse it aloud."""
    peer = step.peer
    if peer.removing:
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is being removed")))
    if step.state.queued >= peer.settings.queue_limit:
        oldest = step.state.messages[0]
        if peer.name != OPERATOR:
            return step.emit(
                c.Refuse(
                    QueueFullError(
                        f"the queue of '{peer.name}' is full ({peer.settings.queue_limit} messages);"
                        f" see `roost messages {peer.name} --state queued`"
                    )
                )
            )
        step.finish(oldest, MessageState.EXPIRED, "the operator's mailbox was full")
    message = event.message
    step.add_message(message)
    kind = "notice" if message.notice else "queued"
    step.journal(kind, message=message.id, sender=message.sender, size=message.size)
    if peer.stopped:
        step.emit(c.Advise(f"'{peer.name}' is stopped: the message is kept until `roost start {peer.name}`"))
    elif peer.quarantine is not None and step.now < peer.quarantine.until:
        step.emit(
            c.Advise(
                f"'{peer.name}' is quarantined ({peer.quarantine.why}):"
                f" the message is kept until `roost start {peer.name}`"
            )
        )
    return None


def on_acknowledge(step: Step, event: e.Acknowledge) -> None:
    """A mailbox's reader has read messages."""
    for message_id in event.message_ids:
        message = step.state.message(message_id)
        if message is not None and step.traits.mailbox:
            read = step.set_message(message, accepted_at=step.now)
            step.journal("accepted", message=message_id)
            step.finish(read, MessageState.DONE, "read")


def on_replied(step: Step, event: e.Replied) -> None:
    """The peer answered a message: an ephemeral task may end after its quiet window."""
    session = step.session
    if session is not None and session.task == event.message_id and session.armed_at is None:
        step.set_session(armed_at=step.now)
    if step.traits.mailbox:
        on_acknowledge(step, e.Acknowledge((event.message_id,)))
    elif session is not None:
        on_taken(step, e.Taken(session.id, event.message_id, f"its answer {event.reply_id} names it"))


def on_taken(step: Step, event: e.Taken) -> None:
    """Evidence names the message: it is with the agent."""
    message = step.state.message(event.message_id)
    if message is None or message.state not in (MessageState.OFFERED, MessageState.UNKNOWN):
        return
    taken = step.set_message(
        message, state=MessageState.ACCEPTED, why=event.evidence, accepted_at=message.accepted_at or step.now
    )
    step.attempt(taken, "accepted", event.evidence)
    step.journal("accepted", message=message.id, evidence=event.evidence)
    remember_topic(step, message.topic)
    if live(step, event.session):
        step.set_session(active_at=step.now)


def on_turn_ended(step: Step, event: e.TurnEnded) -> None:
    """The turn is over: what was taken in it is done."""
    if not live(step, event.session):
        return
    message = step.state.in_flight
    if message is None or message.state is not MessageState.ACCEPTED or message.cut:
        return
    if event.failed is not None:
        step.finish(message, MessageState.DEAD_LETTER, f"the turn failed: {event.failed}", tell="failed")
    else:
        step.finish(message, MessageState.DONE, event.evidence)
    step.set_session(active_at=step.now)


def on_offer_failed(step: Step, event: e.OfferFailed) -> None:
    """An offer ended without evidence."""
    message = step.state.message(event.message_id)
    if message is None or message.state is not MessageState.OFFERED:
        return
    step.attempt(message, "not pasted" if event.certain else "unclear", event.why)
    if event.certain:
        _back_to_queue(step, message, event.why)
    else:
        session = step.session
        conversation = session.conversation if session else step.peer.conversation
        step.emit(c.Examine(session.id if session else None, step.peer.name, message, conversation))


def _back_to_queue(step: Step, message: Message, why: str) -> None:
    delay = min(step.policy.offer_retry * 2 ** min(message.attempts, 10), step.policy.offer_retry_most)
    if message.redriven:
        step.set_message(message, state=MessageState.ACCEPTED, cut=True, redriven=False, why=why)
    else:
        requeue(step, message, why)
    waiting = step.state.message(message.id)
    if waiting is not None:
        step.set_message(waiting, not_before=step.now + delay)


def on_examined(step: Step, event: e.Examined) -> None:
    """The look before the next paste has a result."""
    message = step.state.message(event.message_id)
    if message is None or message.state is not MessageState.OFFERED:
        return
    step.attempt(message, f"examined: {event.verdict}", event.why)
    match event.verdict:
        case Examination.ABSENT:
            _back_to_queue(step, message, event.why)
        case Examination.UNCLEAR:
            step.set_message(message, state=MessageState.UNKNOWN, why=event.why)
            step.journal("unknown", message=message.id, why=event.why)
            step.tell(message, "unknown", event.why)
        case Examination.FOUND | Examination.ENDED:
            on_taken(step, e.Taken(message.session or "", message.id, event.why))
            _after_found(step, event)


def _after_found(step: Step, event: e.Examined) -> None:
    message = step.state.message(event.message_id)
    if message is None:
        return
    if event.verdict is Examination.ENDED:
        step.finish(message, MessageState.DONE, event.why)
    elif step.session is None or step.session.id != message.session:
        why = "its turn was cut off; it is driven again on resume"
        if message.redriven:
            step.finish(message, MessageState.DEAD_LETTER, "its turn was cut off twice", tell="died")
        else:
            step.set_message(message, cut=True, why=why)


def expire(step: Step) -> None:
    """End messages whose time to live is over while they wait."""
    for message in step.state.messages:
        if message.state is not MessageState.QUEUED or message.expires_at is None:
            continue
        if step.now >= message.expires_at:
            step.finish(message, MessageState.EXPIRED, "its time to live ran out", tell="expired")


def next_offer(step: Step) -> Message | None:
    """The message to hand over next: a cut one first, then the head of the queue if it may go now."""
    for message in step.state.messages:
        if message.cut or message.state is MessageState.QUEUED:
            return message if message.not_before is None or step.now >= message.not_before else None
    return None


def offer(step: Step) -> None:
    """Hand the next message to an idle session, one at a time."""
    session = step.session
    if session is None or session.state is not SessionState.IDLE or not session.ready:
        return
    if session.ending is not None:
        return
    flight = step.state.in_flight
    if flight is not None and not flight.cut:
        return
    message = next_offer(step)
    if message is None:
        return
    if step.peer.settings.wake is WakePolicy.EPHEMERAL:
        if session.task not in (None, message.id):
            return
        step.set_session(task=message.id)
    redrive = message.cut
    offered = step.set_message(
        message,
        state=MessageState.OFFERED,
        session=session.id,
        attempts=message.attempts + 1,
        cut=False,
        redriven=message.redriven or redrive,
        not_before=None,
        why="driven again after its turn was cut off" if redrive else "being handed over",
    )
    step.set_session(active_at=step.now)
    step.attempt(offered, "offered", offered.why)
    step.journal("offered", message=message.id)
    step.emit(c.Offer(session.id, step.peer.name, offered, redrive))
