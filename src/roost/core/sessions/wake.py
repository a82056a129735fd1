"""Resume or fresh: the written decision table. The first row that matches wins."""

from collections.abc import Callable

from msgspec import Struct

from roost.core.vocabulary.peer import Peer, PeerState, ResumePolicy, WakeMode, WakePolicy
from roost.core.vocabulary.session import PARKED, Cause, WakeCause


class WakeDecision(Struct, frozen=True):
    """Whether the conversation is resumed, and the row that said so."""

    resume: bool
    cause: WakeCause


class _Case(Struct, frozen=True):
    peer: Peer
    mode: WakeMode
    topic: str | None
    cut: bool
    resumable: bool

    @property
    def first(self) -> bool:
        return not self.resumable or self.peer.last_death is None

    @property
    def parked(self) -> bool:
        death = self.peer.last_death
        return death is not None and death.cause in PARKED and not death.cut

    @property
    def toolless(self) -> bool:
        """Whether it was ended for the sake of its tools alone."""
        return self.peer.last_death is not None and self.peer.last_death.cause is Cause.TOOLS_MISSING

    @property
    def lent(self) -> bool:
        """Whether it is a person's conversation, which nobody else begins anew."""
        return self.mode is WakeMode.NATURAL and self.peer.settings.resumes_away

    @property
    def known_topic(self) -> bool:
        return self.topic is not None and self.topic in self.peer.topics


_TABLE: tuple[tuple[Callable[[_Case], bool], bool, WakeCause], ...] = (
    (lambda case: bool(case.peer.settings.thread), True, WakeCause.THREAD),
    (lambda case: case.lent, True, WakeCause.AWAY_RESUME),
    (lambda case: case.mode is WakeMode.FRESH, False, WakeCause.OPERATOR_FRESH),
    (lambda case: case.peer.left_refused, False, WakeCause.CONVERSATION_REFUSED),
    (lambda case: case.mode is WakeMode.RESUME, True, WakeCause.OPERATOR_RESUME),
    (lambda case: case.peer.resume_failed, False, WakeCause.RESUME_FAILED),
    (lambda case: case.peer.fresh_next, False, WakeCause.REFRESH),
    (lambda case: case.peer.settings.wake is WakePolicy.EPHEMERAL, False, WakeCause.EPHEMERAL),
    (lambda case: case.peer.settings.threaded and case.resumable, True, WakeCause.THREAD),
    (lambda case: case.first, False, WakeCause.FIRST_WAKE),
    (lambda case: case.cut, True, WakeCause.REDRIVE),
    (lambda case: case.toolless, True, WakeCause.TOOLS_MISSING),
    (lambda case: not case.parked, False, WakeCause.CRASH_OR_SELF_CLOSE),
    (lambda case: case.peer.settings.resume is ResumePolicy.ALWAYS, True, WakeCause.PARKED_ALWAYS),
    (lambda case: case.peer.settings.resume is ResumePolicy.NEVER, False, WakeCause.PARKED_NEVER),
    (lambda case: case.known_topic, True, WakeCause.PARKED_TOPIC),
    (lambda case: case.topic is None, False, WakeCause.PARKED_NO_TOPIC),
)


def wake_blocked_until(state: PeerState) -> float:
    """Until when the crash-loop guard forbids a wake (Unix seconds; 0: it does not)."""
    quarantine = state.peer.quarantine.until if state.peer.quarantine else 0.0
    return max(quarantine, state.peer.backoff_until or 0.0)


def decide_wake(
    peer: Peer, mode: WakeMode, topic: str | None, *, cut: bool, resumable: bool
) -> WakeDecision | None:
    """Apply the table; None means that a resume was asked for and there is nothing to resume.

    `cut`: a turn was cut off, however its session ended, and its message waits to be driven again; such an
    end was no clean park. `resumable`: the runtime can resume and the peer has a conversation.
    """
    case = _Case(peer, mode, topic, cut, resumable)
    if not resumable and (mode is WakeMode.RESUME or case.lent):
        return None
    for matches, resume, cause in _TABLE:
        if matches(case):
            return WakeDecision(resume, cause)
    return WakeDecision(resume=False, cause=WakeCause.PARKED_OTHER_TOPIC)
