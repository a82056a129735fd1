"""Beginning a session by the wake table."""

from roost.core import commands as c
from roost.core.identity import derive, derive_uuid
from roost.core.message import Message, MessageState
from roost.core.peer import WakeMode, WakePolicy
from roost.core.session import Session, WakeCause
from roost.core.step import Step
from roost.core.turns import give_up_conversation
from roost.core.wake import decide_wake


def launch(step: Step, mode: WakeMode, by: str, head: Message | None) -> bool:
    """Begin a session; False when an operator's resume has nothing to resume."""
    peer, traits = step.peer, step.traits
    decision = decide_wake(
        peer,
        mode,
        head.topic if head else None,
        cut=any(message.cut for message in step.state.messages),
        resumable=traits.resumable and peer.conversation is not None,
    )
    if decision is None:
        return False
    if not decision.resume:
        _leave_conversation(step, decision.cause)
    generation = peer.generation + 1
    conversation = peer.conversation if decision.resume else new_conversation(step, generation)
    session = Session(
        id=session_id(peer.seed, generation),
        peer=peer.name,
        generation=generation,
        nonce=derive(peer.seed, "nonce", generation),
        wake=decision.cause,
        resumed=decision.resume,
        started_at=step.now,
        since=step.now,
        why="resuming its conversation" if decision.resume else "starting a fresh conversation",
        conversation=conversation,
    )
    step.set_peer(
        generation=generation,
        conversation=conversation,
        topics=peer.topics if decision.resume else (),
        fresh_next=peer.fresh_next and decision.resume,
        resume_failed=False,
        pending=None,
        quarantine=None,
        backoff_until=None,
    )
    step.open_session(session)
    step.journal(
        "starting", cause=str(decision.cause), resume=decision.resume, by=by, conversation=conversation
    )
    if head is not None:
        how = "resuming its conversation" if decision.resume else "with a fresh conversation"
        step.emit(c.SaveAttempt(head.id, session.id, "woke", f"{how} ({decision.cause})"))
    step.emit(c.Launch(session))
    return True


def session_id(seed: str, generation: int) -> str:
    """The id of a peer's session of that generation."""
    return derive(seed, "session", generation)


def new_conversation(step: Step, generation: int) -> str | None:
    """The id of a fresh conversation, where the runtime lets us choose it."""
    if not step.traits.chooses_conversation:
        return None
    return derive_uuid(step.peer.seed, "conversation", generation)


def _leave_conversation(step: Step, cause: WakeCause) -> None:
    """What waited for the conversation that ends: cut messages, and notices for a finished task."""
    if cause is WakeCause.OPERATOR_FRESH:
        why = "its turn was cut off and the operator started fresh"
        for message in step.state.messages:
            if message.cut:
                step.finish(message, MessageState.DEAD_LETTER, why, tell="died")
    give_up_conversation(step, f"its turn was cut off ({cause})")
    if step.peer.settings.wake is WakePolicy.EPHEMERAL:
        for message in step.state.messages:
            if message.notice is not None and message.state is MessageState.QUEUED:
                step.finish(message, MessageState.EXPIRED, "the task that it speaks to is over")
