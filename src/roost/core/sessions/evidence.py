"""From facts about one session to a verdict: alive, dead or unknown, with the reason in words.

A fact is what was seen, by which sense, when, and of whom. A sense that failed says nothing: what nobody
could see is unknown, never dead (N5).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from roost.core.vocabulary.durations import rough_duration


class Source(StrEnum):
    """Where a fact comes from, the most trusted first. `SERVER`: the one whose thread a session is."""

    PROCESS = "process"
    RECORD = "record"
    SERVER = "server"
    RUNTIME = "runtime"
    FILE = "file"
    SCREEN = "screen"


class Sight(StrEnum):
    """What was seen.

    `RUNS`: it is there. `ENDED`: something tells of its end. `GONE`: it was known and is not there any more.
    `NOTHING`: it was never known, and nothing of it is there. `FAILED`: the look did not succeed. `SILENT`:
    what was asked is there and does not answer, which may stay so.
    """

    RUNS = "runs"
    ENDED = "ended"
    GONE = "gone"
    NOTHING = "nothing"
    FAILED = "failed"
    SILENT = "silent"


class Fact(NamedTuple):
    """One look: what it showed, by which sense, when (Unix seconds), of which session, in words."""

    sight: Sight
    source: Source
    at: float
    session: str
    why: str


class Life(StrEnum):
    """What is believed of a session."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """What is believed, and why.

    `proven`: something tells of this very death (its record, a changed boot). A death that is only an absence
    is not: a broken sensor would show the same.
    """

    life: Life
    why: str
    proven: bool = False


class Patience(Struct, frozen=True):
    """How long a session is kept in the registry without evidence (seconds).

    `grace`: while it is young and nothing confirms its death. `ttl`: since its last sign of life, when no
    sense can tell what became of it; a sense that failed may tell at the next look.
    """

    grace: float = 600.0
    ttl: float = 7 * 86400.0


class _Rung(NamedTuple):
    """One step of the ladder: this sight by this sense decides."""

    sight: Sight
    source: Source
    life: Life
    proven: bool = False


_FIRST = (
    _Rung(Sight.RUNS, Source.PROCESS, Life.ALIVE),
    _Rung(Sight.ENDED, Source.PROCESS, Life.DEAD, proven=True),
    _Rung(Sight.ENDED, Source.RECORD, Life.DEAD, proven=True),
    _Rung(Sight.GONE, Source.PROCESS, Life.DEAD),
    _Rung(Sight.RUNS, Source.SERVER, Life.ALIVE),
    _Rung(Sight.ENDED, Source.SERVER, Life.DEAD, proven=True),
    _Rung(Sight.RUNS, Source.RUNTIME, Life.ALIVE),
)
"""What decides at any age; the first that applies."""
_AFTER_GRACE = (
    _Rung(Sight.NOTHING, Source.PROCESS, Life.DEAD),
    _Rung(Sight.ENDED, Source.RUNTIME, Life.DEAD),
    _Rung(Sight.GONE, Source.RUNTIME, Life.DEAD),
    _Rung(Sight.RUNS, Source.FILE, Life.ALIVE),
    _Rung(Sight.RUNS, Source.SCREEN, Life.ALIVE),
)
"""What decides of a session that is not young any more."""


def judge(
    session: str, facts: Iterable[Fact], registered_at: float, seen_at: float, now: float, patience: Patience
) -> Verdict:
    """The verdict on one session by the ladder: the first rung that can tell decides (L3, L4).

    Confirmed death, then grace, then process, then runtime, then other signs of life, then the time to live.
    Facts about another session are passed over. Times are Unix seconds; `seen_at` is its last sign of life.
    """
    seen = {(fact.sight, fact.source): fact for fact in facts if fact.session == session}
    verdict = _climb(_FIRST, seen)
    if verdict is not None:
        return verdict
    age = now - registered_at
    if age < patience.grace:
        kept = f"registered {rough_duration(max(age, 0.0))} ago, kept for {rough_duration(patience.grace)}"
        return Verdict(Life.UNKNOWN, _reason(seen.values(), kept))
    verdict = _climb(_AFTER_GRACE, seen)
    if verdict is not None:
        return verdict
    failed = any(sight is Sight.FAILED for sight, _ in seen)
    if not failed and now - max(seen_at, registered_at) >= patience.ttl:
        why = f"no sign of life for {rough_duration(patience.ttl)}, and nothing can tell what became of it"
        return Verdict(Life.DEAD, why)
    return Verdict(Life.UNKNOWN, _reason(seen.values(), "nothing can tell whether it lives"))


def _climb(rungs: Iterable[_Rung], seen: Mapping[tuple[Sight, Source], Fact]) -> Verdict | None:
    for rung in rungs:
        fact = seen.get((rung.sight, rung.source))
        if fact is not None:
            return Verdict(rung.life, fact.why, rung.proven)
    return None


def _reason(facts: Iterable[Fact], why: str) -> str:
    failed = [fact.why for fact in facts if fact.sight in (Sight.FAILED, Sight.SILENT)]
    return f"{why}: {'; '.join(failed)}" if failed else why
