"""The conversations of a peer that keeps them apart: one for each topic, and one for what has no topic.

A live session knows its own topic and conversation. What no session runs is remembered with the peer, so that
the next message of that topic resumes it (B4).
"""

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.transition.turns import give_up
from roost.core.vocabulary.limits import CONVERSATIONS_KEPT, EARLIER_KEPT, TOPICS_KEPT
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Conversation, Earlier, LastDeath, Peer
from roost.core.vocabulary.session import Session


def current(peer: Peer) -> str | None:
    """The topic of the active session's conversation, or of the latest one."""
    return peer.topics[-1] if peer.topics else None


def topics_of(topic: str | None) -> tuple[str, ...]:
    """What a conversation has dealt with: its own topic."""
    return () if topic is None else (topic,)


def turn_to(step: Step, before: str | None, conversation: str, anew: float | None) -> None:
    """The active session has left its conversation for another one: a new one, a copy, or an earlier one.

    A copy holds all that was said, so the topics stay until it is known that the other one began `anew`. One
    that was left and is run again knows what it knew, and what is with the session now.
    """
    peer = step.peer
    known = next((each.topics for each in peer.earlier if each.id == conversation), None)
    others = tuple(each for each in peer.earlier if each.id not in (before, conversation))
    if before is not None and not peer.settings.apart:
        others = (*others, Earlier(before, peer.topics))[-EARLIER_KEPT:]
    step.set_peer(conversation=conversation, earlier=others)
    if peer.settings.apart:
        return
    if known is not None:
        taken = dict.fromkeys(each.topic for each in step.state.turn if each.topic is not None)
        topics = (*(topic for topic in known if topic not in taken), *taken)
        step.set_peer(topics=topics[-TOPICS_KEPT:])
    elif anew is not None:
        begun_anew(step, anew)


def begun_anew(step: Step, at: float) -> None:
    """The running conversation began then, with nothing: it knows what was accepted since."""
    peer, taken = step.peer, dict(step.peer.topics_at)
    if not peer.settings.apart:
        step.set_peer(topics=tuple(topic for topic in peer.topics if taken.get(topic, 0.0) >= at))


def recalled(peer: Peer, topic: str | None) -> Peer:
    """The peer as the wake table must see it for a conversation: with the past of that one alone."""
    if not peer.settings.apart:
        return replace(peer, last_death=peer.parting)
    found = next((each for each in peer.conversations if each.topic == topic), None)
    return replace(
        peer,
        conversation=found.id if found else None,
        last_death=found.last_death if found else None,
        resume_failed=found.resume_failed if found else False,
        topics=(topic or "",),
    )


def remember(step: Step, session: Session, death: LastDeath, *, resume_failed: bool) -> None:
    """Keep what the next wake of an ended session's conversation needs; the oldest is forgotten."""
    if not step.peer.settings.apart or session.spare:
        return
    others = tuple(each for each in step.peer.conversations if each.topic != session.topic)
    if session.conversation is not None:
        ended = Conversation(session.topic, session.conversation, death, resume_failed)
        others = (*others, ended)[-CONVERSATIONS_KEPT:]
    step.set_peer(conversations=others)


def cut_of(step: Step, topic: str | None) -> list[Message]:
    """The messages whose turn was cut off in a conversation; without a pool there is only one of them."""
    apart = step.peer.settings.apart
    return [m for m in step.state.messages if m.cut and (not apart or m.topic == topic)]


def held_by(step: Step, session: Session, message: Message) -> bool:
    """Whether a message that a session has taken is of the conversation that the session runs."""
    return not step.peer.settings.apart or session.topic == message.topic


def goes_on(step: Step, message: Message) -> bool:
    """Whether the next offer of a message comes to the conversation of the session that it was offered to."""
    apart, last = step.peer.settings.apart, step.peer.parting
    session = step.state.find_session(message.session)
    if session is not None:
        return held_by(step, session, message)
    if apart:
        begun = (each for each in step.state.sessions if each.topic == message.topic and not each.spare)
        if any(each.before is None for each in begun):
            return False  # another session has begun that conversation anew
        ended = (each for each in step.peer.conversations if each.topic == message.topic)
        return any(each.last_death.session == message.session for each in ended)
    over = step.session is not None and step.session.before is None
    return not over and last is not None and last.session == message.session


def found_in(step: Step, message: Message, conversation: str | None) -> None:
    """The conversation that the message of an ended session turned out to be in is the one that goes on."""
    if conversation is None or step.state.find_session(message.session) or not goes_on(step, message):
        return
    if not step.peer.settings.apart:
        if step.session is not None and step.session.before is not None:
            step.set_session(before=replace(step.session.before, conversation=conversation))
        else:
            step.set_peer(conversation=conversation)
        return
    step.set_peer(
        conversations=tuple(
            replace(each, id=conversation) if each.last_death.session == message.session else each
            for each in step.peer.conversations
        )
    )


def divide(step: Step) -> None:
    """Conversations are kept apart from now on: the one there is becomes that of its latest topic."""
    peer, session = step.peer, step.session
    busy = next((m for m in step.state.messages if (m.in_flight or m.cut) and m.notice is None), None)
    topic = busy.topic if busy is not None else current(peer)
    others = tuple(c for c in peer.conversations if c.topic != topic and c.id != peer.conversation)
    if session is not None:
        step.set_session(topic=topic)
    elif peer.conversation is not None and peer.parting is not None:
        past = Conversation(topic, peer.conversation, peer.parting, peer.resume_failed)
        others = (*others, past)[-CONVERSATIONS_KEPT:]
    step.set_peer(topics=topics_of(topic), conversations=others)
    _let_go_of_others(step, topic)


def join(step: Step) -> None:
    """Conversations are not kept apart any more: the latest is the peer's one conversation."""
    _let_go_of_others(step, step.session.topic if step.session is not None else current(step.peer))


def _let_go_of_others(step: Step, topic: str | None) -> None:
    """Cut messages of other conversations than the one that goes on, and cut notices, which are of none."""
    why = "its turn was cut off and the pool of its recipient has changed"
    for message in step.state.messages:
        if message.cut and message.notice is not None:
            step.finish(message, MessageState.DONE, "it was taken")
    give_up(step, [m for m in step.state.messages if m.cut and m.topic != topic], why)
