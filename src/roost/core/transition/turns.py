"""Messages between queue and agent: back to the queue, cut off, driven again.

A message is driven again at most once, outages of its model apart: by a short note where the conversation
already holds its body (`accepted_at` is set), with its body where a conversation that does not hold it takes
over (`accepted_at` is None again).
"""

from collections.abc import Iterable

from roost.core.transition.step import Step
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.session import HeldOffer


def noted(message: Message) -> bool:
    """Whether the offer of this message is the short note instead of the body."""
    return message.redriven and message.accepted_at is not None


def requeue(step: Step, message: Message, why: str, *, redriven: bool = False) -> None:
    """No conversation that goes on holds the message: it waits again, under its id, at its place.

    `redriven`: it was with an agent before, so this is the one time that it is driven again.
    """
    step.set_message(
        message,
        state=MessageState.QUEUED,
        session=None,
        accepted_at=None,
        cut=False,
        redriven=message.redriven or redriven,
        why=why,
    )


def cut_off(step: Step, message: Message, why: str, *, keeps: bool) -> None:
    """The session of an accepted message ended before its turn did.

    It is driven again: by a note when the runtime `keeps` the conversation, otherwise with its body. The
    second time it is given up.
    """
    step.attempt(message, "cut", why)
    if step.peer.settings.apart and message.notice is not None:
        # It came to whichever conversation was active, so there is none to go on with it in.
        step.finish(message, MessageState.DONE, "it was taken")
    elif message.redriven:
        step.finish(message, MessageState.DEAD_LETTER, f"{why}, the second time", tell="died")
    elif keeps:
        step.set_message(message, cut=True, why=f"{why}; it is driven again on resume")
        step.tell(message, "interrupted", f"{why}; it is driven again when the session resumes")
    else:
        requeue(step, message, f"{why}; it is offered again in a fresh conversation", redriven=True)
        step.tell(message, "interrupted", f"{why}; it is offered again in a fresh conversation")


def endure(step: Step, message: Message, failed: str) -> None:
    """The model's service fails: the message waits with its session and is driven again until it is answered.

    However often that is, it counts as one time.
    """
    delay = min(step.policy.turn_retry * 3.0 ** min(message.attempts - 1, 10), step.policy.outage_retry_most)
    step.attempt(message, "failed", failed)
    why = f"its model fails: {failed}"
    step.set_message(message, cut=True, redriven=False, not_before=step.now + delay, why=why)
    if message.attempts == 1:
        step.tell(message, "waits", f"{why}; the message is kept, and its model asked again")


def lost(step: Step, message: Message, why: str) -> None:
    """A fresh session ended while it was given this task, which it provably never took.

    It counts as one of the two that a task may end, as if the turn had begun: there might be no end to them.
    """
    if message.redriven:
        step.attempt(message, "cut", why)
        step.finish(message, MessageState.DEAD_LETTER, f"{why}, the second time", tell="died")
    else:
        requeue(step, message, f"{why}; a fresh session is given it", redriven=True)


def put_back(step: Step, message: Message, why: str, *, person: bool = False) -> None:
    """The offer provably reached nobody: it is made again after a while, soon if a `person` was there.

    That a person is in its way is told once, however often it is tried.
    """
    session = step.session
    if not person:
        release(step, message)
    elif session is not None and session.id == message.session and not session.holds_offer(message.id):
        step.set_session(held_offer=HeldOffer(message.id, step.now))
        step.attempt(message, "held", why)
        step.journal("held", message=message.id, why=why)
    most = step.policy.offer_retry if person else step.policy.offer_retry_most
    delay = min(step.policy.offer_retry * 2 ** min(message.attempts, 10), most)
    if noted(message):
        step.set_message(message, state=MessageState.ACCEPTED, cut=True, redriven=False, why=why)
    else:
        requeue(step, message, why)
        untask(step, message)
    waiting = step.state.message(message.id)
    assert waiting is not None  # noqa: S101 -- it was put back just now
    step.set_message(waiting, not_before=step.now + delay)


def release(step: Step, message: Message) -> None:
    """No person is in the way of this offer any more, or it is over."""
    if step.session is not None and step.session.holds_offer(message.id):
        step.set_session(held_offer=None)


def untask(step: Step, message: Message) -> None:
    """The session was not shown this task: it is free for another if it is still fresh, else it is over."""
    session = step.session
    if session is None or session.task != message.id:
        return
    if session.used:
        step.set_session(task=session.id, armed_at=session.armed_at or step.now)
    else:
        step.set_session(task=None, armed_at=None)


def give_up(step: Step, messages: Iterable[Message], why: str) -> None:
    """The conversation that holds cut messages is not continued: their bodies are shown to the next one."""
    for message in messages:
        requeue(step, message, f"{why}; it is offered again in a fresh conversation", redriven=True)
