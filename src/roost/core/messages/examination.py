"""The look into the runtime's record for a message that may or may not have been pasted."""

from roost.core.messages.acceptance import accept, note_accepted, remember_topic, with_live_session
from roost.core.transition.conversations import found_in
from roost.core.transition.step import Step
from roost.core.transition.turns import lost, put_back, release
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import DOUBTFUL, Examination, Message, MessageState
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import COUNTED


def on_examined(step: Step, event: f.Examined) -> None:
    """The look before the next paste has a result. A message in doubt may still be found by a later look."""
    message = step.state.message(event.message_id)
    if message is None or message.state not in DOUBTFUL or event.attempt not in (None, message.attempts):
        return
    doubtful = message.state is MessageState.UNKNOWN
    if doubtful and event.verdict in (Examination.ABSENT, Examination.UNCLEAR):
        return
    release(step, message)
    step.attempt(message, f"examined: {event.verdict}", event.why)
    found_in(step, message, event.conversation)
    match event.verdict:
        case Examination.ABSENT if _ended_with(step, message):
            lost(step, message, f"its session ended while it was handed over ({event.why})")
        case Examination.ABSENT:
            put_back(step, message, event.why)
        case Examination.UNCLEAR:
            step.set_message(message, state=MessageState.UNKNOWN, why=event.why)
            if with_live_session(step, message):
                step.set_session(used=True)
            step.journal("unknown", message=message.id, why=event.why)
            step.tell(message, "unknown", event.why)
        case Examination.FOUND:
            accept(step, message, event.why)
        case Examination.ENDED:
            note_accepted(step, message, event.why)
            remember_topic(step, message.topic)
            taken = step.set_message(message, accepted_at=message.accepted_at or step.now)
            step.finish(taken, MessageState.DONE, event.why)


def _ended_with(step: Step, message: Message) -> bool:
    """Whether an ephemeral session has failed while it was given this task."""
    death = step.peer.last_death
    if step.peer.settings.wake is not WakePolicy.EPHEMERAL or message.notice is not None:
        return False
    return not with_live_session(step, message) and death is not None and death.cause in COUNTED
