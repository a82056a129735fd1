"""A message comes to its recipient's queue, or is refused aloud."""

from roost.core.messages.queue import waking
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.copies import replace
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import Message, MessageState, Timing
from roost.errors import QueueFullError, RefusedError


def on_submit(step: Step, event: r.Submit) -> None:
    """Accept a message into the queue, or refuse it aloud. The same message twice is one message."""
    peer, message = step.peer, event.message
    if peer.removing:
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is being removed")))
    known = None if event.fresh else step.state.message(message.id)
    if known is not None:
        if known.digest != message.digest:
            step.emit(c.Refuse(RefusedError(f"the id {message.id} belongs to another message")))
        return None
    if not _room(step, message):
        return step.emit(
            c.Refuse(
                QueueFullError(
                    f"the queue of '{peer.name}' is full ({peer.settings.queue_limit} messages);"
                    f" see `roost messages {peer.name} --state queued`"
                )
            )
        )
    if not _share(step, message):
        return step.emit(
            c.Refuse(
                QueueFullError(
                    f"{peer.settings.sender_limit} messages from '{message.sender}' wait for '{peer.name}'"
                    f" already, the most that one sender may have there (sender_limit);"
                    f" see `roost messages {peer.name} --state queued`"
                )
            )
        )
    if message.to != peer.name:  # it was on its way when the peer got another name
        message = replace(message, to=peer.name)
    step.add_message(message)
    kind = "notice" if message.notice else "queued"
    step.journal(kind, message=message.id, sender=message.sender, size=message.size)
    if event.repeats is not None:
        step.emit(c.SaveAttempt(event.repeats, None, "sent again", f"as message {message.id}"))
    advise_kept(step, message)
    return None


def advise_kept(step: Step, message: Message) -> None:
    """Tell the asker when the peer does not take the message for the time being."""
    peer = step.peer
    if peer.stopped:
        step.emit(c.Advise(f"'{peer.name}' is stopped: the message is kept until `roost start {peer.name}`"))
    elif peer.quarantine is not None and step.now < peer.quarantine.until:
        step.emit(
            c.Advise(
                f"'{peer.name}' is quarantined ({peer.quarantine.why}):"
                f" the message is kept until `roost start {peer.name}`"
            )
        )
    elif peer.hindered is not None and step.session is None:
        step.emit(
            c.Advise(
                f"'{peer.name}' cannot be started: {peer.hindered.why};"
                " the message is kept and the start is tried again"
            )
        )
    elif message.timing is Timing.IDLE and not step.traits.mailbox and not step.session and not waking(step):
        step.emit(c.Advise(f"'{peer.name}' sleeps: the message waits until something else wakes it"))


def _room(step: Step, message: Message) -> bool:
    """Whether the queue takes one more; the operator's mailbox makes room by letting go of its oldest.

    Notices find room above the limit, as many again: news of an end must not be lost to a full queue.
    """
    limit = step.peer.settings.queue_limit * (2 if message.notice is not None else 1)
    if len(step.state.messages) < limit:
        return True
    if step.peer.name != OPERATOR:
        return step.state.queued < limit
    while step.state.queued >= step.peer.settings.queue_limit:
        oldest = next(other for other in step.state.messages if other.state is MessageState.QUEUED)
        step.finish(oldest, MessageState.EXPIRED, "the operator's mailbox was full", tell="expired")
    return True


def _share(step: Step, message: Message) -> bool:
    """Whether the sender may have one more message waiting here.

    People at the command line have no share to keep to, nor have notices; the operator's mailbox makes room.
    """
    limit = step.peer.settings.sender_limit
    if OPERATOR in (message.sender, step.peer.name) or message.notice is not None:
        return True
    if len(step.state.messages) < limit:
        return True
    waiting = sum(
        other.state is MessageState.QUEUED and other.sender == message.sender for other in step.state.messages
    )
    return waiting < limit
