"""A task that ends its fresh sessions, even before it is seen to be taken (P4, P6)."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Examination, MessageState
from roost.core.vocabulary.peer import ResumePolicy, WakePolicy
from roost.core.vocabulary.session import Cause
from tests.support.playbook import Play


def offered(restarts: int = 3) -> Play:
    play = Play(wake=WakePolicy.EPHEMERAL, restarts=restarts)
    play.submit(1)
    play.submit(2)
    play.ready()
    assert play.message(1).state is MessageState.OFFERED
    return play


def again(play: Play) -> None:
    """The peer's back-off is over, and its next session stands."""
    play.now += 100.0
    play.tell(f.Tick())
    play.ready()


def test_P4_a_task_that_ends_two_sessions_before_they_record_it_is_a_dead_letter() -> None:
    play = offered(restarts=1)
    play.died(Cause.CRASHED)
    assert not play.state.peer.deaths
    play.examined(Examination.ABSENT)
    assert (play.message(1).state, play.message(1).redriven) == (MessageState.QUEUED, True)
    again(play)
    play.died(Cause.CRASHED)
    play.examined(Examination.ABSENT)
    assert play.state.message(f"{1:032x}") is None
    assert play.state.peer.quarantine is not None, "a peer that may fail once only has failed once"
    assert play.message(2).state is MessageState.QUEUED


def test_P4_an_end_that_somebody_wanted_is_not_the_tasks_fault() -> None:
    play = offered()
    play.died(Cause.REBOOT)
    play.examined(Examination.ABSENT)
    assert (play.message(1).state, play.message(1).redriven) == (MessageState.QUEUED, False)


def test_P6_a_boot_that_fails_counts_whatever_task_waits() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.submit(1)
    play.died(Cause.BOOT_FAILED)
    assert len(play.state.peer.deaths) == 1


def test_P6_a_task_that_ends_well_clears_the_count() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.submit(1)
    play.died(Cause.BOOT_FAILED)
    again(play)
    play.taken(1)
    play.ended()
    play.died(Cause.EPHEMERAL_DONE)
    assert (play.state.peer.deaths, play.state.peer.failures) == ((), 0)


def test_N8_a_launch_that_the_daemons_end_cut_short_is_nobodys_failure() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.ended()
    play.tell(r.Stop("op"))
    play.died(Cause.OPERATOR_STOP)
    play.tell(r.Start("op"))
    play.submit(2)
    assert play.session.resumed
    play.died(Cause.UNKNOWN)
    assert (play.state.peer.deaths, play.state.peer.failures) == ((), 0)
    assert play.session.resumed, "woken again at once, with the conversation that was parked"


def test_P6_a_warm_peer_counts_every_crash() -> None:
    play = Play()
    play.busy()
    play.died(Cause.CRASHED)
    assert len(play.state.peer.deaths) == 1
