"""The ladder from facts to a verdict, rung by rung (L3, L4, N5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core.sessions.evidence import Fact, Life, Patience, Sight, Source, Verdict, judge

PATIENCE = Patience(grace=600.0, ttl=7 * 86400.0)
YOUNG, OLD, ANCIENT = 60.0, 3600.0, 8 * 86400.0
NOW = 1_000_000_000.0


def fact(sight: Sight, source: Source = Source.PROCESS, session: str = "s") -> Fact:
    return Fact(sight, source, NOW, session, f"{source} {sight}")


def verdict(age: float, *facts: Fact, quiet: float | None = None) -> Verdict:
    seen_at = NOW - (age if quiet is None else quiet)
    return judge("s", facts, NOW - age, seen_at, NOW, PATIENCE)


def test_L3_a_confirmed_death_overrides_grace() -> None:
    assert verdict(YOUNG, fact(Sight.ENDED)) == Verdict(Life.DEAD, "process ended", proven=True)
    recorded = verdict(YOUNG, fact(Sight.GONE), fact(Sight.ENDED, Source.RECORD))
    assert (recorded.life, recorded.proven) == (Life.DEAD, True)


def test_L3_a_known_process_that_is_gone_is_dead_and_not_proven() -> None:
    assert verdict(YOUNG, fact(Sight.GONE)) == Verdict(Life.DEAD, "process gone")


def test_L3_a_living_process_outweighs_a_record_and_every_age() -> None:
    assert verdict(ANCIENT, fact(Sight.ENDED, Source.RECORD), fact(Sight.RUNS)).life is Life.ALIVE


def test_L3_grace_keeps_a_fresh_row_that_nothing_backs() -> None:
    kept = verdict(YOUNG, fact(Sight.NOTHING))
    assert kept == Verdict(Life.UNKNOWN, "registered 60s ago, kept for 10m")
    assert verdict(OLD, fact(Sight.NOTHING)).life is Life.DEAD


def test_L3_a_thread_that_its_runtime_closed_is_dead_after_grace() -> None:
    closed = fact(Sight.ENDED, Source.RUNTIME)
    assert verdict(YOUNG, closed).life is Life.UNKNOWN
    assert verdict(OLD, closed).life is Life.DEAD
    assert verdict(OLD, fact(Sight.RUNS, Source.RUNTIME)).life is Life.ALIVE


def test_weaker_signs_of_life_count_only_where_nothing_stronger_tells() -> None:
    assert verdict(OLD, fact(Sight.RUNS, Source.SCREEN)).life is Life.ALIVE
    assert verdict(OLD, fact(Sight.RUNS, Source.SCREEN), fact(Sight.NOTHING)).life is Life.DEAD
    assert verdict(OLD, fact(Sight.GONE, Source.FILE)).life is Life.UNKNOWN


def test_L4_the_time_to_live_ends_what_nothing_can_classify() -> None:
    assert verdict(OLD).life is Life.UNKNOWN
    assert verdict(ANCIENT).life is Life.DEAD
    assert verdict(ANCIENT, quiet=OLD).life is Life.UNKNOWN


def test_N5_a_failed_look_is_unknown_with_its_reason_at_any_age() -> None:
    for age in (YOUNG, OLD, ANCIENT):
        found = verdict(age, fact(Sight.FAILED))
        assert found.life is Life.UNKNOWN
        assert "process failed" in found.why


def test_N5_facts_about_another_session_say_nothing() -> None:
    assert verdict(OLD, fact(Sight.ENDED, session="other")).life is Life.UNKNOWN
    assert verdict(OLD, fact(Sight.RUNS, session="other")).life is Life.UNKNOWN


FACTS = st.lists(
    st.builds(fact, st.sampled_from(Sight), st.sampled_from(Source), st.sampled_from(["s", "other"])),
    max_size=6,
)


@given(FACTS, st.floats(0, 1e8), st.floats(0, 1e8))
def test_N5_no_facts_whatever_end_a_session_whose_process_lives(
    facts: list[Fact], age: float, quiet: float
) -> None:
    found = judge("s", [*facts, fact(Sight.RUNS)], NOW - age, NOW - quiet, NOW, PATIENCE)
    assert found.life is Life.ALIVE


@given(FACTS, st.floats(0, 1e8), st.floats(0, 1e8))
def test_N5_only_evidence_or_time_makes_a_death(facts: list[Fact], age: float, quiet: float) -> None:
    found = judge("s", facts, NOW - age, NOW - quiet, NOW, PATIENCE)
    own = {each.sight for each in facts if each.session == "s"}
    if found.life is Life.DEAD and not own & {Sight.ENDED, Sight.GONE, Sight.NOTHING}:
        assert Sight.FAILED not in own
        assert min(age, quiet) >= PATIENCE.ttl
    assert found.why


@pytest.mark.parametrize("source", [Source.FILE, Source.SCREEN])
@given(age=st.floats(0, 1e8))
def test_N5_an_absence_in_a_weak_source_is_never_a_proof(source: Source, age: float) -> None:
    assert not verdict(age, fact(Sight.GONE, source), fact(Sight.ENDED, source)).proven
