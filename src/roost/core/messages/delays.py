"""N1: the sender of a message hears once that its recipient takes none for the time being, and why."""

from roost.core.transition.step import Step
from roost.core.vocabulary.message import UNHINDERED, Message, MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session, SessionState

AFTER = 5.0
"""Seconds for which a session takes no messages until senders hear of it: a person may be quicker."""
_STANDS_STILL = (SessionState.BLOCKED, SessionState.UNKNOWN)


def tell(step: Step) -> None:
    """Tell the senders of all that waits with the active session, once in each such time."""
    state, session = step.state, step.session
    at = due_at(state)
    if session is None or at is None or step.now < at:
        return
    waiting = _untold(state, session)
    step.set_session(told=(*session.told, *(message.id for message in waiting)))
    for message in waiting:
        step.tell(message, *_news(state, session, message))


def due_at(state: PeerState) -> float | None:
    """When somebody has to be told (Unix seconds); None: nobody."""
    session = state.session
    if session is None or session.reads or session.state is SessionState.STOPPING:
        return None  # its end says what becomes of what waits
    if not _untold(state, session):
        return None
    since = session.since if session.state in _STANDS_STILL else session.active_at or session.since
    return since + AFTER


def _untold(state: PeerState, session: Session) -> list[Message]:
    """What waits with the session without its sender's knowing."""
    if session.state in _STANDS_STILL:
        waiting = [message for message in state.messages if message.state is not MessageState.UNKNOWN]
    else:
        offered = state.offered
        waiting = [offered] if offered is not None and offered.why not in UNHINDERED else []
    return [message for message in waiting if message.notice is None and message.id not in session.told]


def _news(state: PeerState, session: Session, message: Message) -> tuple[str, str]:
    """The outcome and the sentence of the notice."""
    name = state.peer.name
    if session.state not in _STANDS_STILL:
        return "waits", f"{message.why}; the message is kept"
    if not session.ready:
        return "blocked", f"'{name}' needs a person before it can start: {session.why}; the message is kept"
    if message.state is MessageState.ACCEPTED and not message.cut:
        if any(question.pending for question in session.questions):
            return "blocked", f"'{name}' has the message and waits for a person to answer it: {session.why}"
        return "blocked", f"'{name}' has the message and cannot go on with it by itself: {session.why}"
    return "blocked", f"'{name}' takes no messages now: {session.why}; the message is kept"
