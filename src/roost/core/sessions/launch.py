"""Beginning a session by the wake table."""

from msgspec.structs import replace

from roost.core.sessions.wake import decide_wake
from roost.core.transition.conversations import cut_of, recalled, topics_of
from roost.core.transition.step import Step
from roost.core.transition.turns import give_up
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import derive, derive_uuid
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, WakeMode, WakePolicy
from roost.core.vocabulary.phrases import WOKEN
from roost.core.vocabulary.session import Before, Refusal, Session, Tools, WakeCause

FRESH = "starting a fresh conversation"
RESUMES = "resuming its conversation"
"""What a session does at its start; that it resumes is known once its conversation was found."""


def launch(
    step: Step,
    mode: WakeMode,
    by: str,
    topic: str | None,
    head: Message | None,
    *,
    own_terminal: bool = False,
) -> bool:
    """Begin the active session, for `head` if a message wakes it.

    False when an operator's resume has nothing to resume.
    """
    apart, traits = step.peer.settings.apart, step.traits
    past = recalled(step.peer, topic)
    if step.peer.settings.thread:
        past = replace(past, conversation=step.peer.settings.thread)
    decision = decide_wake(
        past,
        mode,
        (topic or "") if apart else topic,
        cut=bool(cut_of(step, topic)),
        resumable=traits.resumable and past.conversation is not None,
    )
    if decision is None:
        return False
    before = None if decision.resume else _before(step.peer)
    topics = past.topics if decision.resume else ()
    resumes = past.conversation if decision.resume else None
    refusal = past.last_death.refusal if decision.resume and past.last_death is not None else None
    session = new_session(
        step, decision.cause, resumes=resumes, topic=topic if apart else None, refusal=refusal
    )
    session = step.set_session(own_terminal=own_terminal, before=before)
    step.set_peer(
        conversation=session.conversation,
        topics=topics_of(topic) if apart else topics,
        fresh_next=past.fresh_next and decision.resume,
        resume_failed=False,
        pending=None,
        quarantine=None,
        backoff_until=None,
    )
    step.journal(
        "starting",
        cause=str(decision.cause),
        resume=decision.resume,
        by=by,
        conversation=session.conversation,
    )
    hindered = step.peer.hindered
    if head is not None and (hindered is None or hindered.message != head.id):
        step.emit(c.SaveAttempt(head.id, session.id, "woke", WOKEN[decision.cause]))
    step.emit(c.Launch(session))
    return True


def new_session(
    step: Step,
    wake: WakeCause,
    *,
    resumes: str | None = None,
    topic: str | None = None,
    spare: bool = False,
    refusal: Refusal | None = None,
) -> Session:
    """Open the peer's next session, of the conversation that it `resumes` or of a fresh one."""
    seed, generation = step.peer.seed, step.peer.generation + 1
    session = Session(
        id=session_id(seed, generation),
        peer=step.peer.name,
        generation=generation,
        nonce=derive(seed, "nonce", generation),
        wake=wake,
        resumed=resumes is not None,
        started_at=step.now,
        since=step.now,
        why=FRESH if resumes is None else "looking for its conversation",
        conversation=new_conversation(step, generation) if resumes is None else resumes,
        pooled=spare,
        spare=spare,
        topic=topic,
        refusal=refusal,
        tools=Tools.AWAITED if step.traits.asks_once and wake is not WakeCause.JOINED else Tools.GIVEN,
    )
    step.set_peer(generation=generation)
    step.open_session(session)
    return session


def session_id(seed: str, generation: int) -> str:
    """The id of a peer's session of that generation."""
    return derive(seed, "session", generation)


def new_conversation(step: Step, generation: int) -> str | None:
    """The id of a fresh conversation, where the runtime lets us choose it."""
    if not step.traits.chooses_conversation:
        return None
    return derive_uuid(step.peer.seed, "conversation", generation)


def _before(peer: Peer) -> Before:
    return Before(peer.conversation, peer.topics, peer.fresh_next, peer.resume_failed)


def take_over(step: Step, session: Session) -> None:
    """The fresh session is at its prompt, or has left its conversation: the one before it is over."""
    if session.before is not None:
        step.set_session(before=None)
        leave_conversation(step, session.wake, session.topic)


def put_back(step: Step, session: Session) -> None:
    """Nothing came of the fresh session: the conversation before it goes on, with the turn cut off in it.

    Where an operator wanted a fresh one, the next wake is still to begin one, unless they ask for a resume.
    Who ran it in their own terminal says each time what they want.
    """
    before = session.before
    if before is None:
        return
    asked = session.wake is WakeCause.OPERATOR_FRESH and not session.own_terminal
    anew = asked and not step.peer.settings.apart and before.conversation is not None
    step.set_peer(
        conversation=before.conversation,
        topics=before.topics,
        fresh_next=step.peer.fresh_next or before.fresh_next or anew,
        resume_failed=before.resume_failed,
    )


def leave_conversation(step: Step, cause: WakeCause, topic: str | None) -> None:
    """What waited for the conversation that ends: cut messages, and notices for a finished task."""
    if cause is WakeCause.OPERATOR_FRESH:
        why = "its turn was cut off and the operator started fresh"
        for message in cut_of(step, topic):
            step.finish(message, MessageState.DEAD_LETTER, why, tell="died")
    give_up(step, cut_of(step, topic), f"its turn was cut off ({cause})")
    if step.peer.settings.wake is WakePolicy.EPHEMERAL:
        for message in step.state.messages:
            if message.notice is not None and message.state is MessageState.QUEUED:
                step.finish(message, MessageState.EXPIRED, "the task that it speaks to is over")
