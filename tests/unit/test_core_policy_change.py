"""A peer becomes ephemeral while a session of it lives: no task meets the past of that one (P4)."""

from dataclasses import replace

from roost.core import events as e
from roost.core.peer import WakePolicy
from roost.core.session import SessionState
from tests.support.playbook import Play


def turned(play: Play, wake: WakePolicy) -> list[str]:
    return play.tell(e.Configure(replace(play.state.peer.settings, wake=wake)))


def test_P4_a_session_with_a_past_ends_and_the_task_gets_a_fresh_one() -> None:
    play = Play()
    play.busy()
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    assert turned(play, WakePolicy.EPHEMERAL) == []
    assert play.submit(2) == ["queued"]
    assert play.tell(e.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]
    assert play.died() == ["stopped(ephemeral-done)", "starting(ephemeral)", "Launch"]


def test_P4_one_that_had_a_task_before_and_went_on_as_warm_is_used_up_too() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    turned(play, WakePolicy.WARM)
    turned(play, WakePolicy.EPHEMERAL)
    assert play.submit(2) == ["queued"]
    assert play.tell(e.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"], (
        "not only after the bound for a silent worker"
    )


def test_P4_what_it_was_given_as_a_warm_one_is_its_task_and_has_not_been_answered() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.tell(e.Replied(play.message().id, "r"))
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    turned(play, WakePolicy.WARM)
    play.busy(2)
    second = play.state.turn[0]
    turned(play, WakePolicy.EPHEMERAL)
    assert (play.session.task, play.session.armed_at) == (second.id, None)
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    assert play.tell(e.Tick(), after=2) == [], "its answer is still to come"
    play.tell(e.Replied(second.id, "r"))
    assert play.tell(e.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]


def test_P4_the_task_of_a_session_stays_its_task() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    task = play.session.task
    turned(play, WakePolicy.WARM)
    turned(play, WakePolicy.EPHEMERAL)
    assert (play.session.task, play.session.armed_at) == (task, None)
