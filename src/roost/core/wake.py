"""Resume or fresh: the written decision table. The first row that matches wins."""

from dataclasses import dataclass

from roost.core.peer import Peer, ResumePolicy, WakeMode, WakePolicy
from roost.core.session import PARKED, WakeCause


@dataclass(frozen=True, slots=True)
class WakeDecision:
    """Whether the conversation is resumed, and the row that said so."""

    resume: bool
    cause: WakeCause


def decide_wake(
    peer: Peer, mode: WakeMode, topic: str | None, *, cut: bool, resumable: bool
) -> WakeDecision | None:
    """Apply the table; None means that a resume was asked for and there is nothing to resume.

    `cut`: a turn was cut off by the last death and its message waits to be driven again. `resumable`: the
    runtime can resume and the peer has a conversation.
    """
    settings = peer.settings
    if mode is WakeMode.FRESH:
        return WakeDecision(resume=False, cause=WakeCause.OPERATOR_FRESH)
    if mode is WakeMode.RESUME:
        return WakeDecision(resume=True, cause=WakeCause.OPERATOR_RESUME) if resumable else None
    if peer.resume_failed:
        return WakeDecision(resume=False, cause=WakeCause.RESUME_FAILED)
    if peer.fresh_next:
        return WakeDecision(resume=False, cause=WakeCause.REFRESH)
    if settings.wake is WakePolicy.EPHEMERAL:
        return WakeDecision(resume=False, cause=WakeCause.EPHEMERAL)
    if not resumable or peer.last_death is None:
        return WakeDecision(resume=False, cause=WakeCause.FIRST_WAKE)
    clean = peer.last_death.cause in PARKED and not peer.last_death.cut
    if not clean:
        if cut:
            return WakeDecision(resume=True, cause=WakeCause.REDRIVE)
        return WakeDecision(resume=False, cause=WakeCause.CRASH_OR_SELF_CLOSE)
    if settings.resume is ResumePolicy.ALWAYS:
        return WakeDecision(resume=True, cause=WakeCause.PARKED_ALWAYS)
    if settings.resume is ResumePolicy.TOPIC and topic is not None and topic in peer.topics:
        return WakeDecision(resume=True, cause=WakeCause.PARKED_TOPIC)
    return WakeDecision(resume=False, cause=WakeCause.PARKED_OTHER_TOPIC)
