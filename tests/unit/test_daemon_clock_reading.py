"""How a moved clock is noticed, and what it means for the times that decide about something."""

import pytest
from msgspec.structs import replace

from roost.core.decide import decide
from roost.core.sessions.clock import on_clock_moved
from roost.core.transition.step import Step
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Quarantine, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, Ending, Session, SessionState, WakeCause
from roost.daemon.state.clock_reading import TOLERATED, ClockReading, read_clocks
from roost.host.clock import SystemClock
from roost.host.memory.clock import VirtualClock


async def test_time_that_passes_is_no_move() -> None:
    clock = VirtualClock()
    before = read_clocks(clock)
    await clock.advance(86400)
    assert before.moved_to(read_clocks(clock)) is None


def test_a_clock_that_is_set_and_a_machine_that_sleeps_are_told_apart() -> None:
    clock = VirtualClock()
    before = read_clocks(clock)
    clock.jump(-3600)
    assert before.moved_to(read_clocks(clock)) == f.ClockMoved(-3600, -3600)
    clock.suspend(600)
    assert before.moved_to(read_clocks(clock)) == f.ClockMoved(-3000, -3600)


def test_a_clock_that_is_set_right_by_a_little_is_left_alone() -> None:
    clock = VirtualClock()
    before = read_clocks(clock)
    clock.jump(TOLERATED / 2)
    assert before.moved_to(read_clocks(clock)) is None
    clock.jump(TOLERATED)
    assert before.moved_to(read_clocks(clock)) is not None


def test_a_reading_that_was_interrupted_is_made_again() -> None:
    class Interrupted(VirtualClock):
        """The first reading of the wall clock takes ten seconds."""

        first = True

        def now(self) -> float:
            found = super().now()
            if self.first:
                self.first = False
                self._elapsed += 10
            return found

    clock = Interrupted()
    assert read_clocks(clock) == ClockReading(clock.now(), 10.0, 10.0)


def test_the_machines_clocks_run_together() -> None:
    clock = SystemClock()
    assert read_clocks(clock).moved_to(read_clocks(clock)) is None


def _state() -> PeerState:
    peer = Peer(
        "p",
        "5eed",
        Settings("/", "demo"),
        created_at=10.0,
        quarantine=Quarantine(500.0, "why"),
        backoff_until=400.0,
        deaths=(90.0, 95.0),
    )
    session = Session(
        "s",
        "p",
        1,
        "n",
        WakeCause.FIRST_WAKE,
        resumed=False,
        started_at=50.0,
        since=60.0,
        state=SessionState.WORKING,
        ready=True,
        active_at=70.0,
        armed_at=80.0,
        held_until=300.0,
        ending=Ending(Cause.COMPLETED, "p", 85.0),
    )
    message = Message("m", "x", "p", 20.0, 1, "d", expires_at=1000.0, not_before=200.0)
    done = replace(message, id="a", state=MessageState.ACCEPTED, session="s", accepted_at=75.0)
    pooled = replace(session, id="q", generation=0, pooled=True, state=SessionState.IDLE)
    return PeerState.of(peer, (session, pooled), (done, message))


def test_N5_sleep_of_the_machine_counts_for_times_to_live_alone() -> None:
    before = _state()
    step = Step(before, 3700.0, Policy())
    on_clock_moved(step, f.ClockMoved(3600.0, 0.0))
    after = step.state
    assert [message.expires_at for message in after.messages] == [1000.0, 1000.0]
    assert [message.not_before for message in after.messages] == [3800.0, 3800.0]
    assert (after.expiry, after.peer.backoff_until, after.peer.deaths) == (1000.0, 4000.0, (3690.0, 3695.0))
    assert after.peer.quarantine == Quarantine(4100.0, "why")
    for old, new in zip(before.sessions, after.sessions, strict=True):
        assert new == replace(
            old,
            since=3660.0,
            active_at=3670.0,
            armed_at=3680.0,
            held_until=3900.0,
            ending=Ending(Cause.COMPLETED, "p", 3685.0),
            clock_moved=3600.0,
        )


def test_what_has_happened_keeps_the_time_it_had() -> None:
    before = _state()
    after, _ = decide(before, f.ClockMoved(-7200.0, -7200.0), -7100.0, Policy())
    assert after is not None
    assert after.session is not None
    assert after.session.started_at == 50.0
    assert [(m.created_at, m.accepted_at) for m in after.messages] == [(20.0, 75.0), (20.0, None)]
    assert [m.expires_at for m in after.messages] == [-6200.0, -6200.0]


@pytest.mark.parametrize(("set_by", "moved"), [(-7200.0, -7200.0), (7200.0, 0.0), (0.0, 0.0)])
def test_what_comes_after_a_clock_was_set_back_is_of_the_peer_that_is_there(
    set_by: float, moved: float
) -> None:
    """Else a thread has no members, and a renamed peer leaves messages behind, for as long as that was."""
    before = _state()
    after, _ = decide(before, f.ClockMoved(set_by, set_by), 100.0 + set_by, Policy())
    assert after is not None
    assert after.peer.created_at == before.peer.created_at + moved


def test_a_clock_that_was_set_back_while_no_daemon_ran_makes_nobody_later_than_what_it_sends() -> None:
    before = PeerState(Peer("p", "5eed", Settings("/", "human"), 900.0, since=900.0))
    after, _ = decide(before, f.Tick(), 100.0, Policy())
    assert after is not None
    assert (after.peer.created_at, after.peer.since) == (100.0, 100.0), "and it was not used"
    assert after.peer.had_name(100.0)
    used = replace(before, peer=replace(before.peer, since=950.0))
    after, _ = decide(used, f.Tick(), 100.0, Policy())
    assert after is not None
    assert (after.peer.created_at, after.peer.since) == (100.0, 950.0)
