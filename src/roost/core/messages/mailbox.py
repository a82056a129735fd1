"""The mail of a peer without a session: it is read, and its reader is heard of."""

from roost.core.transition.step import Step
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState


def on_acknowledge(step: Step, event: r.Acknowledge) -> None:
    """A mailbox's reader has read messages."""
    for message_id in event.message_ids:
        message = step.state.message(message_id)
        if message is not None and step.traits.mailbox:
            read = step.set_message(message, accepted_at=step.now)
            step.journal("accepted", message=message_id)
            step.finish(read, MessageState.DONE, "read")
            step.set_peer(since=step.now)


def on_seen(step: Step, _event: f.Seen) -> None:
    """A mailbox is in use: that is when it was last heard of."""
    if step.traits.mailbox:
        step.set_peer(since=step.now)
