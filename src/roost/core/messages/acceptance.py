"""The acceptance of a message: its recipient has it, by evidence that names it."""

from roost.core.messages.mailbox import on_acknowledge, reads
from roost.core.transition.conversations import goes_on, held_by
from roost.core.transition.step import Step
from roost.core.transition.turns import cut_off, release
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.limits import TOPICS_KEPT
from roost.core.vocabulary.message import DOUBTFUL, Message, MessageState
from roost.core.vocabulary.session import Session


def on_taken(step: Step, event: f.Taken) -> None:
    """Evidence names the message: it is with the agent.

    A message that waits to be sent again, after doubt, may still be found with the session that has it.
    """
    message = step.state.message(event.message_id)
    if message is None or event.attempt not in (None, message.attempts):
        return
    if message.state is MessageState.UNKNOWN:
        accept(step, message, event.evidence, found_by=step.state.find_session(event.session))
    elif message.session == event.session and message.state in (MessageState.OFFERED, MessageState.QUEUED):
        if event.entered:
            step.attempt(message, "entered", event.entered)
        accept(step, message, event.evidence)


def on_replied(step: Step, event: f.Replied) -> None:
    """The peer answered a message: it knows it. An ephemeral task may end after its quiet window.

    Its turn may go on. Whoever ends that before its time, nothing is left to do about the message.
    """
    if reads(step):
        return on_acknowledge(step, r.Acknowledge((event.message_id,)))
    session, message = step.session, step.state.message(event.message_id)
    if session is not None and session.task == event.message_id and session.armed_at is None:
        step.set_session(armed_at=step.now)
    if message is None:
        return None
    if message.state is MessageState.ACCEPTED and not message.cut:
        return _note_answered(step, message)
    evidence = f"its answer {event.reply_id} names it"
    if message.state in DOUBTFUL and with_live_session(step, message):
        accept(step, message, evidence)
        return _note_answered(step, message)
    note_accepted(step, message, evidence)
    return step.finish(message, MessageState.DONE, evidence)


def _note_answered(step: Step, message: Message) -> None:
    """Keep with the session which of the messages that are with it were answered."""
    session = step.session
    if session is None or session.id != message.session:
        return
    answered = {*session.answered, message.id}
    kept = tuple(m.id for m in step.state.in_flight if m.session == session.id and m.id in answered)
    if kept != session.answered:
        step.set_session(answered=kept)


def accept(step: Step, message: Message, evidence: str, *, found_by: Session | None = None) -> None:
    """The message was taken. Its turn runs, unless its session has ended meanwhile.

    `found_by`: the live session whose own record names the message.
    """
    release(step, message)
    late = message.state is not MessageState.OFFERED and bool(step.state.in_flight)
    taken = step.set_message(
        message,
        state=MessageState.ACCEPTED,
        why=evidence,
        accepted_at=message.accepted_at or step.now,
    )
    note_accepted(step, taken, evidence)
    if with_live_session(step, taken):
        roused = all(each.notice is not None and each.notice.watch for each in step.state.turn)
        step.set_session(active_at=step.now, used=True, roused=roused)
        remember_topic(step, taken.topic)
        if late:
            step.finish(taken, MessageState.DONE, f"{evidence}; another message is with its session now")
        return
    ended = "its session ended before its turn did"
    holder = found_by or step.state.find_session(taken.session)
    if holder is not None:
        cut_off(step, taken, ended, keeps=held_by(step, holder, taken))
    elif goes_on(step, taken):
        cut_off(step, taken, ended, keeps=step.traits.resumable)
    else:
        step.attempt(taken, "cut", ended)
        step.finish(taken, MessageState.DEAD_LETTER, f"{ended}, and so has its conversation", tell="died")


def note_accepted(step: Step, message: Message, evidence: str) -> None:
    """Write down that the message was taken, and what shows it."""
    step.attempt(message, "accepted", evidence)
    step.journal("accepted", message=message.id, evidence=evidence)


def remember_topic(step: Step, topic: str | None) -> None:
    """Note a topic that the running conversation has dealt with."""
    if topic is not None:
        kept = [other for other in step.peer.topics if other != topic]
        times = [each for each in step.peer.topics_at if each[0] != topic]
        step.set_peer(
            topics=(*kept, topic)[-TOPICS_KEPT:],
            topics_at=(*times, (topic, step.now))[-TOPICS_KEPT:],
        )


def with_live_session(step: Step, message: Message) -> bool:
    """Whether the session that the message was offered to last is alive."""
    return message.session is not None and step.live(message.session) is not None
