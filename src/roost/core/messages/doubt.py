"""What an operator decides about messages that are in doubt or wait: sent again, or given up."""

from roost.core.messages.submission import advise_kept
from roost.core.transition.conversations import goes_on
from roost.core.transition.step import Step
from roost.core.transition.turns import noted
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Message, MessageState
from roost.errors import NotFoundError, RefusedError

RESENT = "resent"
"""The outcome that stands in a message's story where an operator had it offered again."""


def on_resend(step: Step, event: r.Resend) -> None:
    """Offer a message in doubt again, under its id and at its place, whatever its time to live was.

    It keeps the session that may have it: evidence that comes before the next paste still settles it.
    """
    message = _unfinished(step, event.message_id)
    if message is None:
        return
    if message.state is not MessageState.UNKNOWN:
        step.emit(c.Refuse(RefusedError(f"message {message.id} is not in doubt: {_where(message)}")))
        return
    why = f"sent again by {event.by}"
    step.attempt(message, RESENT, why)
    # What was in doubt was a note about a body that its conversation holds: the note is made again.
    if noted(message) and goes_on(step, message):
        changes = {"state": MessageState.ACCEPTED, "cut": True, "redriven": False}
    else:
        changes = {"state": MessageState.QUEUED, "accepted_at": None}
    step.set_message(message, why=why, expires_at=None, not_before=None, **changes)
    step.journal("queued", message=message.id, why=why)
    advise_kept(step, message)


def on_drop(step: Step, event: r.Drop) -> None:
    """Give up a message that is with no agent; its sender is told."""
    message = _unfinished(step, event.message_id)
    if message is None:
        return
    if message.in_flight and not message.cut:
        step.emit(c.Refuse(RefusedError(f"message {message.id} cannot be dropped: {_where(message)}")))
        return
    step.finish(message, MessageState.DEAD_LETTER, f"dropped by {event.by}", tell="dropped")


def _unfinished(step: Step, message_id: str) -> Message | None:
    """The message, or a refusal: it has come to its end, or gone with its recipient."""
    message = step.state.message(message_id)
    if message is None:
        why = f"message {message_id} does not wait any more; see `roost message {message_id}`"
        step.emit(c.Refuse(NotFoundError(why) if step.peer.removing else RefusedError(why)))
    return message


def _where(message: Message) -> str:
    if message.state is MessageState.QUEUED:
        return f"it waits for its turn with '{message.to}'"
    if message.state is MessageState.UNKNOWN:
        return "whether it was taken is not known"
    if message.cut:
        return "its turn was cut off, and it is driven again by itself"
    return f"it is with '{message.to}' now"
