"""Mail that is read by whom it is for: of a peer without a session, or of a session that reads it itself."""

from roost.core.transition.step import Step
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import READ, TO_READ, Message, MessageState
from roost.core.vocabulary.phrases import ENDED
from roost.core.vocabulary.session import Death


def reads(step: Step) -> bool:
    """Whether nobody hands the peer its mail now, and it is read."""
    return step.traits.mailbox or (step.session is not None and step.session.reads)


def on_acknowledge(step: Step, event: r.Acknowledge) -> None:
    """Its reader has read messages."""
    for message_id in event.message_ids:
        message = step.state.message(message_id)
        if message is None or not reads(step):
            continue
        read = step.set_message(message, accepted_at=step.now)
        step.journal("accepted", message=message_id)
        step.finish(read, MessageState.DONE, READ)
        if step.traits.mailbox:
            step.set_peer(since=step.now)
        else:
            step.set_session(active_at=step.now)


def on_seen(step: Step, _event: f.Seen) -> None:
    """A mailbox is in use: that is when it was last heard of."""
    if step.traits.mailbox:
        step.set_peer(since=step.now)


def keep(step: Step, message: Message) -> None:
    """What comes for a session that reads its mail itself waits for that."""
    if step.session is not None and step.session.reads:
        step.set_message(message, why=TO_READ)


def keep_all(step: Step) -> None:
    """What has waited for the session before it joined, waits to be read."""
    for message in step.state.messages:
        if message.waiting:
            keep(step, message)


def give_back(step: Step) -> None:
    """What has waited to be read is handed over like any other mail."""
    for message in step.state.messages:
        if message.waiting and message.why == TO_READ:
            step.set_message(message, why="")


def unread(step: Step, death: Death) -> None:
    """N1: who has sent what a session did not read before its end hears of that; it is kept for the next."""
    name = step.peer.name
    why = f"'{name}' {ENDED[death.cause]} before it read the message, which is kept until it joins again"
    for message in step.state.messages:
        if message.waiting and message.why == TO_READ:
            kept = step.set_message(message, why="")
            if not step.peer.stopped:  # otherwise it has heard that
                step.tell(kept, "waits", why)
