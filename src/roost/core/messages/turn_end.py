"""The end of a turn, and what it means for the messages that were taken in it."""

from roost.core.messages import refusal
from roost.core.transition.conversations import held_by
from roost.core.transition.step import Step
from roost.core.transition.turns import endure, requeue
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import ANSWERED, Message, MessageState
from roost.core.vocabulary.session import Session
from roost.faults import Fault


def on_turn_ended(step: Step, event: f.TurnEnded) -> None:
    """The turn is over: what was taken in it is done. A failed turn is driven again, once.

    While the model's service fails it is no fault of the message, which is kept. A turn that somebody
    interrupted is left alone: whoever did so does not want it back. What was answered in it is done.
    """
    session = step.live(event.session)
    if session is None:
        return
    over: list[Message] = []
    for message in step.state.turn:
        named = event.messages is None or message.id in event.messages
        if named and message.session == session.id:
            _end_turn(step, session, message, event)
            step.set_session(active_at=step.now)
            over.append(message)
    refusal.conclude(step, session, over, event)


def _end_turn(step: Step, session: Session, message: Message, event: f.TurnEnded) -> None:
    """What the end of its turn means for one message of it."""
    if event.failed is None and _toolless(session, message):
        why = "its turn ended, maybe without the tools to answer; it is driven again"
        step.attempt(message, "toolless", event.evidence)
        _again(step, session, message, why)
    elif event.failed is None:
        step.finish(message, MessageState.DONE, event.evidence)
    elif event.interrupted and message.id in session.answered:
        step.finish(message, MessageState.DONE, f"{ANSWERED}; {event.failed}")
    elif event.interrupted:
        step.finish(message, MessageState.DEAD_LETTER, event.failed, tell="interrupted")
    elif step.peer.settings.apart and message.notice is not None:
        step.finish(message, MessageState.DONE, "it was taken")
    elif event.fault is Fault.SERVICE and _endures(step, session, message):
        endure(step, message, event.failed)
    elif event.fault is Fault.REQUEST and refusal.refuses(step, session, message):
        refusal.keep(step, message, event.failed)
    elif message.redriven:
        step.finish(message, MessageState.DEAD_LETTER, f"the turn failed: {event.failed}", tell="failed")
    else:
        step.attempt(message, "failed", event.failed)
        why = f"the turn failed: {event.failed}; it is driven again"
        _again(step, session, message, why, not_before=step.now + step.policy.turn_retry)


def _endures(step: Step, session: Session, message: Message) -> bool:
    """Whether the message waits with its session for a service that fails: for about a day."""
    return message.attempts < step.policy.outage_tries and held_by(step, session, message)


def _toolless(session: Session, message: Message) -> bool:
    """Whether it was to be answered by tools that the agent may not have had. Whoever has used them has them.

    In a terminal of theirs a person sees to it. What is given later is asked to be answered by a command.
    """
    again = message.notice is not None or message.redriven or message.id in session.answered
    return message.id in session.toolless and not session.own_terminal and not again


def _again(step: Step, session: Session, message: Message, why: str, not_before: float | None = None) -> None:
    """The message is driven again, this once, from that time on (Unix seconds)."""
    if held_by(step, session, message):
        step.set_message(message, cut=True, not_before=not_before, why=why)
    else:
        requeue(step, message, why, redriven=True)
