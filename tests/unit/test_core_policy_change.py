"""A peer becomes ephemeral while a session of it lives: no task meets the past of that one (P4)."""

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Examination, Notice, Timing
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import SessionState
from tests.support.playbook import Play

DONE = ["stopping(ephemeral-done)", "End ephemeral-done guarded"]
SILENT = ["stopping(ephemeral-silent)", "End ephemeral-silent guarded"]


def turned(play: Play, wake: WakePolicy) -> list[str]:
    return play.tell(r.Configure(replace(play.state.peer.settings, wake=wake)))


def test_P4_a_session_with_a_past_ends_and_the_task_gets_a_fresh_one() -> None:
    play = Play()
    play.busy()
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    assert turned(play, WakePolicy.EPHEMERAL) == []
    assert play.submit(2) == ["queued"]
    assert play.tell(f.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]
    assert play.died() == ["stopped(ephemeral-done)", "starting(ephemeral)", "Launch"]


def test_P4_one_that_had_a_task_before_and_went_on_as_warm_is_used_up_too() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    turned(play, WakePolicy.WARM)
    turned(play, WakePolicy.EPHEMERAL)
    assert play.submit(2) == ["queued"]
    assert play.tell(f.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"], (
        "not only after the bound for a silent worker"
    )


def test_P4_what_it_was_given_as_a_warm_one_is_its_task_and_has_not_been_answered() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.tell(f.Replied(play.message().id, "r"))
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    turned(play, WakePolicy.WARM)
    play.busy(2)
    second = play.state.turn[0]
    turned(play, WakePolicy.EPHEMERAL)
    assert (play.session.task, play.session.armed_at) == (second.id, None)
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    assert play.tell(f.Tick(), after=2) == [], "its answer is still to come"
    play.tell(f.Replied(second.id, "r"))
    assert play.tell(f.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]


def test_P4_the_task_of_a_session_stays_its_task() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    task = play.session.task
    turned(play, WakePolicy.WARM)
    turned(play, WakePolicy.EPHEMERAL)
    assert (play.session.task, play.session.armed_at) == (task, None)


def test_P4_an_offer_that_failed_is_not_made_again_to_a_session_with_a_past() -> None:
    play = Play()
    play.busy()
    play.ended()
    play.submit(2)
    turned(play, WakePolicy.EPHEMERAL)
    play.tell(f.OfferFailed(play.session.id, play.message(2).id, certain=True, why="a draft"))
    assert play.tell(f.Tick(), after=1) == [], "the task waits for a fresh session"
    assert play.tell(f.Tick(), after=1) == DONE
    play.died()
    assert play.ready() == ["ready", "offered", "Offer 2"]


def test_P4_a_task_in_doubt_makes_its_session_one_with_a_past() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.submit()
    play.ready()
    play.tell(f.OfferFailed(play.session.id, play.message().id, certain=False, why="cut short"))
    play.examined(Examination.UNCLEAR)
    assert play.tell(r.Resend(play.message().id, "op")) == ["queued", "offered", "Offer 1"]
    play.tell(f.OfferFailed(play.session.id, play.message().id, certain=True, why="a draft"))
    assert play.submit(2, timing=Timing.NOW) == ["queued"]
    assert play.tell(f.Tick(), after=2) == DONE


def test_P4_a_note_that_a_hook_refuses_leaves_no_fresh_session() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.submit(2)
    play.ended("overloaded")
    assert play.tell(f.Tick(), after=5) == ["offered", "Redrive 1"]
    rejected = f.Rejected(play.session.id, play.message().id, "no such words")
    assert play.tell(rejected) == ["dead-letter", "Notify refused"]
    assert play.tell(f.Tick(), after=2) == DONE
    play.died()
    assert play.ready() == ["ready", "offered", "Offer 2"]


def test_P4_a_turn_that_failed_before_the_change_is_driven_again_in_its_session() -> None:
    play = Play()
    play.busy()
    play.ended("overloaded")
    turned(play, WakePolicy.EPHEMERAL)
    assert play.tell(f.Tick(), after=5) == ["offered", "Redrive 1"]
    play.taken()
    play.ended()
    assert play.tell(f.Tick(), after=9) == SILENT


def test_N1_a_notice_that_is_with_the_session_is_no_task_and_is_not_answered() -> None:
    play = Play()
    play.busy()
    play.ended()
    play.submit(2, sender="roost", notice=Notice("x", "died", "why"))
    turned(play, WakePolicy.EPHEMERAL)
    play.taken(2)
    play.ended()
    assert play.tell(f.Tick(), after=9) == DONE
    assert play.died() == ["stopped(ephemeral-done)"]


def test_N1_who_gave_the_task_hears_of_its_silence_whoever_wrote_into_its_turn() -> None:
    play = Play()
    play.policy = Policy({"demo": Traits(steers=True)})
    play.busy()
    play.tell(play.seen(SessionState.WORKING))
    play.submit(2, sender="other", timing=Timing.NOW)
    play.taken(2)
    turned(play, WakePolicy.EPHEMERAL)
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    assert play.tell(f.Tick(), after=9) == SILENT
    assert play.died()[0] == "Notify unanswered"
    news = next(command for command in play.commands if isinstance(command, c.Notify))
    assert (news.to, news.notice.about) == ("asker", f"{1:032x}")


def test_P4_a_notice_that_waits_to_be_driven_again_does_not_keep_a_task_that_is_over() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.ended()
    play.submit(2, sender="roost", notice=Notice("x", "died", "why"))
    play.taken(2)
    play.ended("overloaded")
    play.tell(f.Replied(f"{1:032x}", "reply"))
    assert play.tell(f.Tick(), after=2) == DONE
