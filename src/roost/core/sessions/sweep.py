"""One pass over the registry: which rows end, which are kept and why, and when the sensor is not believed."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from roost.core.sessions.evidence import Fact, Life, Patience, Verdict, judge
from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.identity import HUMAN
from roost.core.vocabulary.peer import PeerState, WakePolicy
from roost.core.vocabulary.session import PARKED, Cause, Session
from roost.core.vocabulary.view import heard

ALARM_LEAST = 5
"""With fewer sessions the end of most of them is nothing unusual."""
HOLD = 30.0
"""Seconds for which the absences of a mass death must last before they are believed."""

_SLEPT = PARKED | {Cause.TOOLS_MISSING}
_EPHEMERAL = frozenset({Cause.EPHEMERAL_DONE, Cause.EPHEMERAL_SILENT})


class Outcome(StrEnum):
    """What supervision finds of a peer (P5)."""

    ALIVE = "alive"
    SLEPT_IDLE = "slept-idle"
    GONE = "gone"
    EPHEMERAL_DONE = "ephemeral-done"
    EAGER_FRESH = "eager-fresh"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


class Action(StrEnum):
    """What becomes of a row: its session goes on, ends now, or is not decided about."""

    KEEP = "keep"
    CLOSE = "close"
    HOLD = "hold"
    SKIP = "skip"


class Row(NamedTuple):
    """A live session with what was seen of it. `skip`: why this pass must not judge it (H5)."""

    session: Session
    facts: tuple[Fact, ...] = ()
    skip: str | None = None
    foreign: bool = False


class Finding(NamedTuple):
    """What a pass makes of one peer; without `session` there was nothing to judge."""

    peer: str
    session: str | None
    generation: int
    outcome: Outcome
    action: Action
    why: str


class Hold(Struct, frozen=True):
    """Sessions whose absence is not believed yet, since when (Unix seconds)."""

    since: float
    sessions: frozenset[str]


class Plan(Struct, frozen=True):
    """What a pass does. `hold` goes into the next pass; `alarm` says why nothing absent is closed now."""

    findings: tuple[Finding, ...]
    hold: Hold | None = None
    alarm: str | None = None

    def of(self, action: Action) -> frozenset[str]:
        """The sessions with which this is to be done."""
        return frozenset(
            finding.session
            for finding in self.findings
            if finding.action is action and finding.session is not None
        )


def plan(rows: Iterable[Row], hold: Hold | None, now: float, patience: Patience) -> Plan:
    """Judge every row; `hold` is what the pass before left. Pure: the caller acts on it.

    Deaths that are told by something of their own always count. When absence alone would end more than half
    of five or more sessions at once, it is taken for a broken sensor: none of them ends until all of them
    have been absent in every look for the time of a hold (N5).
    """
    judged = [(row, _verdict(row, now, patience)) for row in rows]
    absent = frozenset(
        row.session.id for row, verdict in judged if verdict and _dead(verdict) and not verdict.proven
    )
    counted = sum(1 for _, verdict in judged if verdict and not verdict.proven)
    held, alarm = _held(absent, counted, hold, now)
    findings = tuple(
        _finding(row, verdict, held=held is not None and row.session.id in held.sessions)
        for row, verdict in judged
    )
    return Plan(findings, held, alarm)


def _verdict(row: Row, now: float, patience: Patience) -> Verdict | None:
    session = row.session
    if row.skip is not None or row.foreign:
        return None
    seen_at = max(session.since, session.active_at or 0.0)
    return judge(session.id, row.facts, session.begun, seen_at, now, patience)


def _dead(verdict: Verdict) -> bool:
    return verdict.life is Life.DEAD


def _held(
    absent: frozenset[str], counted: int, hold: Hold | None, now: float
) -> tuple[Hold | None, str | None]:
    if counted < ALARM_LEAST or len(absent) * 2 <= counted:
        return None, None
    if hold is None or not absent <= hold.sessions or now < hold.since:
        hold = Hold(now, absent)
    elif now - hold.since >= HOLD:
        return None, None
    left = rough_duration(HOLD - (now - hold.since))
    why = f"{len(absent)} of {counted} sessions seem to be gone at once: not believed before another {left}"
    return Hold(hold.since, absent), why


def _finding(row: Row, verdict: Verdict | None, *, held: bool) -> Finding:
    if verdict is None:
        outcome, action = Outcome.FOREIGN if row.foreign else Outcome.UNKNOWN, Action.SKIP
        why = row.skip or "it belongs to another host"
    elif verdict.life is Life.ALIVE:
        outcome, action, why = Outcome.ALIVE, Action.KEEP, verdict.why
    elif verdict.life is Life.UNKNOWN:
        outcome, action, why = Outcome.UNKNOWN, Action.KEEP, verdict.why
    elif held:
        outcome, action = Outcome.UNKNOWN, Action.HOLD
        why = f"{verdict.why}; so many at once are not believed yet"
    else:
        outcome, action, why = Outcome.GONE, Action.CLOSE, verdict.why
    session = row.session
    return Finding(session.peer, session.id, session.generation, outcome, action, why)


def resting(state: PeerState, now: float, patience: Patience) -> Finding:
    """What a pass says of a peer without a session; nothing is to be done about any of them."""
    peer, last = state.peer, state.peer.last_death

    def found(outcome: Outcome, why: str) -> Finding:
        return Finding(peer.name, None, peer.generation, outcome, Action.KEEP, why)

    if peer.settings.runtime == HUMAN:
        recent = now - max(peer.since, peer.created_at) < patience.ttl
        return found(Outcome.ALIVE if recent else Outcome.UNKNOWN, f"a mailbox, {heard(state, now)}")
    if peer.stopped:
        return found(Outcome.SLEPT_IDLE, "parked by the operator")
    if peer.settings.wake is WakePolicy.ALWAYS:
        return found(Outcome.EAGER_FRESH, "it is kept up, and its next session is due")
    if last is None:
        return found(Outcome.SLEPT_IDLE, "it has not run yet")
    if last.cause in _SLEPT:
        return found(Outcome.SLEPT_IDLE, f"its last session ended: {last.cause}")
    if last.cause in _EPHEMERAL:
        return found(Outcome.EPHEMERAL_DONE, f"its last session ended: {last.cause}")
    return found(Outcome.GONE, f"its last session ended: {last.cause}")
