"""One pass over the registry: whatever the sensors say, a mass death on absence alone is held first (N5)."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from roost.core.decide import decide
from roost.core.sessions.evidence import Fact, Patience, Sight, Source
from roost.core.sessions.sweep import ALARM_LEAST, HOLD, Action, Hold, Outcome, Plan, Row, plan, resting
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import LastDeath, Peer, PeerState, Settings, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Session, WakeCause
from roost.core.vocabulary.view import shown

NOW = 1_000_000_000.0
PATIENCE = Patience()
ALL_SIGHTS = (Sight.RUNS, Sight.GONE, Sight.ENDED, Sight.FAILED, Sight.NOTHING)


def session(number: int, age: float = 3600.0) -> Session:
    born = NOW - age
    name = f"p{number}"
    return Session(f"s{number}", name, 1, "n", WakeCause.FIRST_WAKE, False, born, born)


def row(number: int, sight: Sight, age: float = 3600.0) -> Row:
    made = session(number, age)
    return Row(made, (Fact(sight, Source.PROCESS, NOW, made.id, str(sight)),))


def rows(*sights: Sight) -> list[Row]:
    return [row(number, sight) for number, sight in enumerate(sights)]


def closed(made: Plan) -> int:
    return len(made.of(Action.CLOSE))


def test_N5_most_of_five_absent_at_once_is_an_alarm_and_ends_nobody() -> None:
    found = plan(rows(*[Sight.GONE] * 3, *[Sight.RUNS] * 2), None, NOW, PATIENCE)
    assert closed(found) == 0
    assert found.of(Action.HOLD) == {"s0", "s1", "s2"}
    assert found.alarm == "3 of 5 sessions seem to be gone at once: not believed before another 30s"
    assert {each.outcome for each in found.findings} == {Outcome.ALIVE, Outcome.UNKNOWN}


def test_N5_few_absences_and_small_fleets_are_believed_at_once() -> None:
    assert closed(plan(rows(*[Sight.GONE] * 2, *[Sight.RUNS] * 3), None, NOW, PATIENCE)) == 2
    assert closed(plan(rows(*[Sight.GONE] * 4), None, NOW, PATIENCE)) == 4


def test_N5_deaths_that_are_told_do_not_count_and_are_closed() -> None:
    found = plan(rows(*[Sight.ENDED] * 9, Sight.GONE), None, NOW, PATIENCE)
    assert (closed(found), found.alarm) == (10, None)
    mixed = plan(rows(*[Sight.ENDED] * 9, *[Sight.GONE] * 5), None, NOW, PATIENCE)
    assert closed(mixed) == 9
    assert len(mixed.of(Action.HOLD)) == 5


def test_N5_a_hold_expires_and_the_dead_are_closed_in_the_end() -> None:
    first = plan(rows(*[Sight.GONE] * 6), None, NOW, PATIENCE)
    second = plan(rows(*[Sight.GONE] * 6), first.hold, NOW + HOLD - 1, PATIENCE)
    assert closed(second) == 0
    third = plan(rows(*[Sight.GONE] * 6), second.hold, NOW + HOLD, PATIENCE)
    assert (closed(third), third.alarm, third.hold) == (6, None, None)


def test_N5_a_sensor_that_recovers_releases_all() -> None:
    first = plan(rows(*[Sight.GONE] * 6), None, NOW, PATIENCE)
    second = plan(rows(*[Sight.RUNS] * 6), first.hold, NOW + HOLD, PATIENCE)
    assert (closed(second), second.alarm, second.hold) == (0, None, None)


def test_N5_new_absences_begin_the_hold_anew() -> None:
    first = plan(rows(*[Sight.GONE] * 5, Sight.RUNS), None, NOW, PATIENCE)
    second = plan(rows(*[Sight.GONE] * 6), first.hold, NOW + HOLD, PATIENCE)
    assert closed(second) == 0
    assert second.hold == Hold(NOW + HOLD, frozenset(f"s{number}" for number in range(6)))


def test_L3_the_grace_of_a_session_does_not_move_with_the_clock() -> None:
    for set_by in (-3600.0, 3600.0):
        for age, closes in ((PATIENCE.grace - 1, 0), (PATIENCE.grace + 1, 1)):
            seen = row(0, Sight.NOTHING, age + set_by)
            moved = seen._replace(session=replace(seen.session, clock_moved=set_by))
            assert closed(plan([moved], None, NOW, PATIENCE)) == closes, (set_by, age)


def test_H5_rows_of_other_hosts_and_launches_are_passed_over_with_the_reason() -> None:
    launching = row(0, Sight.GONE)._replace(skip="it is just being launched")
    foreign = row(1, Sight.GONE)._replace(skip="it belongs to another host", foreign=True)
    found = plan([launching, foreign], None, NOW, PATIENCE)
    assert [(each.action, each.outcome) for each in found.findings] == [
        (Action.SKIP, Outcome.UNKNOWN),
        (Action.SKIP, Outcome.FOREIGN),
    ]
    assert [each.why for each in found.findings] == [launching.skip, foreign.skip]


def peer(**changes: object) -> Peer:
    return replace(Peer("a", "seed", Settings("/", "demo"), 1.0, since=NOW - 90.0), **changes)


def outcome(made: Peer, *messages: Message) -> Outcome:
    return resting(PeerState(made, messages=messages), NOW, PATIENCE).outcome


def test_P5_what_rests_has_its_outcome() -> None:
    def after(cause: Cause) -> Peer:
        return peer(last_death=LastDeath(cause, NOW, cut=False))

    assert outcome(after(Cause.IDLE_SLEEP)) is Outcome.SLEPT_IDLE
    assert outcome(after(Cause.CRASHED)) is Outcome.GONE
    assert outcome(after(Cause.EPHEMERAL_DONE)) is Outcome.EPHEMERAL_DONE
    always = Settings("/", "demo", wake=WakePolicy.ALWAYS)
    assert outcome(peer(settings=always)) is Outcome.EAGER_FRESH
    assert outcome(peer(settings=always, stopped=True)) is Outcome.SLEPT_IDLE


def test_H6_a_mailbox_ages_by_its_heartbeat_and_is_never_closed() -> None:
    box = Settings("/", "human")
    recent = resting(PeerState(peer(settings=box)), NOW, PATIENCE)
    assert (recent.outcome, recent.action) == (Outcome.ALIVE, Action.KEEP)
    assert recent.why == "a mailbox, last used 90s ago"
    old = resting(PeerState(peer(settings=box, since=NOW - 9 * 86400)), NOW, PATIENCE)
    assert (old.outcome, old.action) == (Outcome.UNKNOWN, Action.KEEP)


def test_H6_writing_as_a_mailbox_is_its_heartbeat_and_is_shown() -> None:
    policy = Policy(traits={"human": Traits(mailbox=True)})
    box = PeerState(peer(settings=Settings("/", "human"), created_at=5.0, since=5.0))
    assert shown(box, NOW).why == "a mailbox, nothing unread, not used yet"
    used, _ = decide(box, f.Seen(), NOW, policy)
    assert used is not None
    assert shown(used, NOW + 60).why == "a mailbox, nothing unread, last used 60s ago"
    agent = PeerState(peer())
    assert decide(agent, f.Seen(), NOW, policy) == (agent, ())


SIGHTS = st.lists(st.sampled_from(ALL_SIGHTS), min_size=1, max_size=14)


@given(st.lists(st.tuples(SIGHTS, st.floats(0, 2 * HOLD)), min_size=1, max_size=6))
def test_N5_no_schedule_of_looks_ends_a_living_session_or_a_fleet_at_once(
    looks: list[tuple[list[Sight], float]],
) -> None:
    hold: Hold | None = None
    now = NOW
    absent_since: dict[str, float] = {}
    for sights, later in looks:
        now += later
        seen = rows(*sights)
        gone = {f"s{n}" for n, sight in enumerate(sights) if sight in (Sight.GONE, Sight.NOTHING)}
        absent_since = {each: absent_since.get(each, now) for each in gone}
        found = plan(seen, hold, now, PATIENCE)
        hold = found.hold
        ends = found.of(Action.CLOSE)
        for number, sight in enumerate(sights):
            name = f"s{number}"
            assert name not in ends or sight not in (Sight.RUNS, Sight.FAILED)
            assert name in ends or sight is not Sight.ENDED
        told = sum(1 for sight in sights if sight is Sight.ENDED)
        rest = len(sights) - told
        if rest >= ALARM_LEAST and len(gone) * 2 > rest:
            assert all(now - absent_since[name] >= HOLD for name in ends & gone)
            assert bool(ends & gone) != (found.alarm is not None)
        else:
            assert gone <= ends


@given(SIGHTS)
def test_N5_every_hold_has_an_end(sights: list[Sight]) -> None:
    """Looks that keep saying the same close, at the latest when the hold is over, all that is dead."""
    found = plan(rows(*sights), None, NOW, PATIENCE)
    for step in (1, 2):
        if found.hold is not None:
            found = plan(rows(*sights), found.hold, NOW + step * HOLD, PATIENCE)
    dead = {f"s{n}" for n, s in enumerate(sights) if s in (Sight.GONE, Sight.NOTHING, Sight.ENDED)}
    assert found.hold is None
    assert found.of(Action.CLOSE) == dead
