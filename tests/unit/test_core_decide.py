"""Playbooks: given these events, expect exactly these commands."""

from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import Examination, MessageState, Notice, Timing
from roost.core.vocabulary.peer import ResumePolicy, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, SessionState
from roost.core.vocabulary.view import shown
from roost.errors import QueueFullError, RefusedError
from tests.support.playbook import POLICY, RUNNING, Play


def test_P3_a_message_wakes_is_offered_taken_and_done() -> None:
    play = Play()
    assert play.submit() == ["queued", "starting(first-wake)", "Launch"]
    assert play.tell(f.Launched(play.session.id, RUNNING)) == []
    assert play.tell(play.seen(SessionState.IDLE)) == ["ready", "offered", "Offer 1"]
    assert play.taken() == ["accepted"]
    assert play.tell(play.seen(SessionState.WORKING)) == ["working"]
    assert play.ended() == ["done"]
    assert play.tell(play.seen(SessionState.IDLE)) == ["idle"]
    assert play.state.messages == ()


def test_P8_many_messages_give_one_session_and_one_offer_at_a_time() -> None:
    play = Play()
    play.submit(1)
    assert play.submit(2) == ["queued"]
    assert play.ready() == ["ready", "offered", "Offer 1"]
    assert play.taken() == ["accepted"]
    assert play.ended() == ["done", "offered", "Offer 2"]


def test_P3_idle_sleep_is_guarded_and_the_same_topic_resumes() -> None:
    play = Play()
    play.submit(topic="t")
    play.ready()
    play.taken()
    play.ended()
    conversation = play.session.conversation
    assert deadline(play.state, play.now) == play.now + 30
    assert play.tell(f.Tick(), after=29.9) == []
    assert play.tell(f.Tick(), after=0.1) == ["stopping(idle-sleep)", "End idle-sleep guarded"]
    assert play.died() == ["stopped(idle-sleep)"]
    assert play.state.peer.deaths == ()
    assert play.submit(2, topic="t") == ["queued", "starting(parked-topic)", "Launch"]
    assert play.session.conversation == conversation


def test_a_veto_starts_the_idle_clock_again() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.tell(f.Tick(), after=30)
    assert play.tell(f.EndVetoed(play.session.id, "a person types", play.now + 5)) == ["idle"]
    assert deadline(play.state, play.now) == play.now + 30


def test_P7_a_stop_outranks_the_idle_sleep_that_is_under_way() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.tell(f.Tick(), after=30)
    assert play.tell(r.Stop("op")) == []
    assert play.tell(f.EndVetoed(play.session.id, "typing", play.now + 5)) == ["End operator-stop"]
    assert play.died() == ["stopped(operator-stop)"]


def test_a_wake_during_the_end_launches_after_it() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.tell(r.Rest("op"))
    assert play.tell(r.Wake(WakeMode.NATURAL, "op")) == []
    assert play.died() == ["stopped(operator-stop)", "starting(parked-no-topic)", "Launch"]


def test_P7_a_stop_during_the_launch_waits_for_the_processes() -> None:
    play = Play()
    play.submit()
    assert play.tell(r.Stop("op")) == ["Notify stopped", "stopping(operator-stop)"]
    assert play.tell(f.Launched(play.session.id, RUNNING)) == ["End operator-stop"]
    assert play.died() == ["stopped(operator-stop)"]
    assert play.state.queued == 1
    assert play.tell(r.Start("op"))[-1] == "Launch"


def test_a_stop_during_a_launch_that_fails() -> None:
    play = Play()
    play.submit()
    play.tell(r.Stop("op"))
    assert play.tell(f.BootFailed(play.session.id, "no program")) == ["End operator-stop"]


def test_P11_remove_waits_for_the_end_and_settles_every_message() -> None:
    play = Play()
    play.busy()
    play.submit(2)
    assert play.tell(r.Remove("op", force=False)) == ["Refuse RefusedError"]
    assert play.tell(r.Remove("op", force=True)) == ["stopping(removed)", "End removed"]
    assert play.submit(3) == ["Refuse RefusedError"]
    assert (
        play.tell(r.Start("op"), r.Restart("op"), r.Wake(WakeMode.FRESH, "op")) == ["Refuse RefusedError"] * 3
    )
    assert play.died() == [
        *(
            "dead-letter",
            "Notify died",
            "stopped(removed)",
            "dead-letter",
            "Notify removed",
            "removed",
            "Purge",
        )
    ]
    assert play.gone


def test_P7_restart_gives_an_unconditionally_fresh_session() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    assert play.tell(r.Restart("op")) == ["stopping(restart)", "End restart"]
    assert play.died() == [
        "dead-letter",
        "Notify died",
        "stopped(restart)",
        "starting(operator-fresh)",
        "Launch",
    ]


def test_P6_boot_failures_back_off_and_then_quarantine() -> None:
    play = Play(restarts=2)
    play.submit()
    assert play.tell(f.BootFailed(play.session.id, "no program")) == [
        "stopping(boot-failed)",
        "End boot-failed",
    ]
    assert play.died() == ["stopped(boot-failed)"], "it may heal: nobody is told yet"
    assert deadline(play.state, play.now) == play.now + 1
    assert play.tell(f.Tick(), after=1)[-1] == "Launch"
    assert play.died(Cause.COMPLETED) == [
        "stopped(boot-failed)",
        "quarantined(boot-failed)",
        "Notify fails to start",
    ]
    assert shown(play.state, play.now).state == "quarantined"
    assert play.submit(2) == ["queued", "Advise"]
    assert play.tell(f.Tick(), after=1799) == []
    assert play.tell(f.Tick(), after=1)[-1] == "Launch"
    assert play.state.peer.quarantine is None


def test_P6_deaths_outside_the_window_do_not_add_up() -> None:
    play = Play(restarts=2, restart_window=50.0)
    play.submit()
    for _ in range(4):
        assert "quarantined(crashed)" not in play.died(Cause.OOM)
        play.tell(f.Tick(), after=51)
    assert len(play.state.peer.deaths) == 1


def test_a_turn_cut_off_is_driven_again_once_by_a_note() -> None:
    play = Play()
    play.busy()
    assert play.died() == ["Notify interrupted", "stopped(crashed)"]
    assert play.tell(f.Tick(), after=1) == ["starting(redrive)", "Launch"]
    assert play.session.resumed
    assert play.ready() == ["ready", "offered", "Redrive 1"]
    play.taken()
    assert play.died() == ["dead-letter", "Notify died", "stopped(crashed)"]


@pytest.mark.parametrize("settings", [{"wake": WakePolicy.EPHEMERAL}, {"runtime": "plain"}])
def test_P4_a_poison_task_is_shown_to_two_sessions_at_most(settings: dict[str, Any]) -> None:
    play = Play(**settings)
    play.busy()
    play.died()
    assert play.tell(f.Tick(), after=1)[-1] == "Launch"
    assert play.ready() == ["ready", "offered", "Offer 1"]
    play.taken()
    assert play.died()[:2] == ["dead-letter", "Notify died"]


def test_a_failed_turn_is_driven_again_and_the_message_is_not_lost() -> None:
    play = Play()
    play.busy()
    assert play.ended("400 no such thing") == []
    assert play.message().why == "the turn failed: 400 no such thing; it is driven again"
    assert play.tell(f.Tick(), after=5) == ["offered", "Redrive 1"]
    play.taken()
    assert play.ended("400") == ["dead-letter", "Notify failed"]


def test_N4_look_before_you_paste() -> None:
    play = Play()
    play.submit()
    play.ready()
    assert play.tell(f.OfferFailed(play.session.id, play.message().id, certain=False, why="?")) == ["Examine"]
    assert play.examined(Examination.ABSENT) == []
    assert play.tell(f.Tick(), after=1) == ["offered", "Offer 1"]
    play.tell(f.OfferFailed(play.session.id, play.message().id, certain=False, why="?"))
    assert play.examined(Examination.UNCLEAR) == ["unknown", "Notify unknown"]
    assert play.tell(f.Tick(), after=1) == []
    assert play.examined(Examination.FOUND) == ["accepted"]


def test_N4_facts_about_an_earlier_offer_come_too_late() -> None:
    play = Play()
    play.submit()
    play.ready()
    first, old = play.message(), play.session.id
    play.died()
    play.examined(Examination.ABSENT)
    play.tell(f.Tick(), after=1)
    play.ready()
    before = play.state
    late = (
        f.Examined(first.id, Examination.ABSENT, "late", attempt=1),
        f.OfferFailed(old, first.id, certain=True, why="late"),
        f.OfferFailed(play.session.id, first.id, certain=True, why="late", attempt=1),
        f.Taken(old, first.id, "late"),
        f.Taken(play.session.id, first.id, "read again by a daemon that joins the session", attempt=1),
    )
    assert play.tell(*late) == []
    assert play.state == before


def test_an_answer_settles_a_message_whose_session_is_gone() -> None:
    play = Play()
    play.busy()
    play.died()
    assert play.tell(f.Replied(play.message().id, "r")) == ["accepted", "done"]
    assert play.tell(f.Tick(), after=1) == []


@pytest.mark.parametrize("taken", [True, False], ids=["it was taken before", "the answer shows that it was"])
@pytest.mark.parametrize("asked", [None, r.Stop("op"), r.Restart("op"), r.Remove("op", force=True)])
def test_N3_what_was_answered_is_done_when_a_death_cuts_off_the_rest(
    asked: Event | None, taken: bool
) -> None:
    """It was driven again and answered a second time, or became a dead letter."""
    play = Play()
    play.submit()
    play.ready()
    if taken:
        play.taken()
    play.tell(f.Replied(play.message().id, "r"))
    assert play.message().state is MessageState.ACCEPTED
    if asked is not None:
        play.tell(asked)
    words = play.died()
    assert (words[0], "Notify interrupted" in words, "Notify died" in words) == ("done", False, False)
    [done] = [command.message for command in play.commands if isinstance(command, c.SaveMessage)]
    assert done.why.startswith("it was answered; in the middle of the turn its session ")


def test_N3_what_was_answered_and_is_handed_over_again_after_a_failure_is_done_with_the_death() -> None:
    play = Play()
    play.busy()
    play.tell(f.Replied(play.message().id, "r"))
    play.ended("400")
    assert play.tell(f.Tick(), after=5) == ["offered", "Redrive 1"]
    assert play.died()[0] == "done"


def test_P7_an_interrupt_ends_what_was_answered_as_done_and_the_rest_as_a_dead_letter() -> None:
    play = Play()
    play.policy = Policy({"demo": Traits(steers=True)})
    play.busy()
    play.tell(play.seen(SessionState.WORKING))
    play.submit(2, timing=Timing.NOW)
    play.taken(2)
    play.tell(f.Replied(f"{1:032x}", "r"))
    interrupted = f.TurnEnded(play.session.id, "record", "interrupted", interrupted=True)
    assert play.tell(interrupted) == ["done", "dead-letter", "Notify interrupted"]


def test_an_answer_before_is_none_to_a_message_that_comes_after() -> None:
    play = Play()
    play.busy()
    play.tell(f.Replied(f"{1:032x}", "r"))
    play.ended()
    play.busy(2)
    assert "Notify interrupted" in play.died()
    assert play.message(2).cut


def test_P4_an_ephemeral_task_ends_quiet_after_its_answer_and_the_next_is_fresh() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.submit(2)
    play.tell(f.Replied(play.message().id, "r"))
    assert play.ended() == ["done"]
    assert play.tell(f.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]
    assert play.died() == ["stopped(ephemeral-done)", "starting(ephemeral)", "Launch"]
    assert (play.session.armed_at, play.session.task, play.state.peer.deaths) == (None, None, ())


def test_P4_a_silent_task_ends_after_the_bound() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.ended()
    assert play.tell(f.Tick(), after=8.9) == []
    assert play.tell(f.Tick(), after=0.1) == ["stopping(ephemeral-silent)", "End ephemeral-silent guarded"]


def test_P4_a_session_whose_task_expired_does_not_stay() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.submit(expires_at=101.0)
    play.tell(f.Tick(), after=1)
    assert play.ready() == ["ready"]
    assert play.tell(f.Tick(), after=9) == ["stopping(idle-sleep)", "End idle-sleep guarded"]


def test_done_ends_the_session_after_its_turn_and_the_queue_waits_for_the_next() -> None:
    play = Play()
    play.busy()
    play.tell(f.Completed(play.session.id, "all done"))
    assert play.submit(2) == ["queued"]
    play.tell(play.seen(SessionState.WORKING))
    assert play.ended() == ["done"]
    assert play.tell(play.seen(SessionState.IDLE)) == ["idle", "stopping(completed)", "End completed"]
    assert play.session.state is SessionState.STOPPING
    assert play.died() == ["stopped(completed)", "starting(crash-or-self-close)", "Launch"]


def test_notices_wait_for_a_session_and_are_not_answered() -> None:
    play = Play()
    assert play.submit(sender="roost", notice=Notice("x", "died", "why")) == ["notice"]
    assert play.submit(2) == ["queued", "starting(first-wake)", "Launch"]
    assert play.ready() == ["ready", "offered", "Offer 1"]
    play.taken()
    assert play.died() == ["stopped(crashed)"]


def test_a_full_queue_refuses_aloud_and_the_operators_lets_go_of_the_oldest() -> None:
    play = Play(queue_limit=1)
    play.tell(r.Stop("op"))
    assert play.submit() == ["queued", "Advise"]
    assert play.submit() == []
    assert play.submit(digest="other") == ["Refuse RefusedError"]
    assert play.submit(2) == ["Refuse QueueFullError"]
    assert isinstance(play.commands[0], c.Refuse)
    assert isinstance(play.commands[0].error, QueueFullError | RefusedError)
    box = Play(OPERATOR, runtime="human", queue_limit=1)
    box.submit()
    assert box.submit(2) == ["expired", "queued"], "no agent is told, whose answer would go on with it"


def test_a_mailbox_is_read_and_never_woken() -> None:
    play = Play(runtime="human")
    assert play.submit(expires_at=200.0) == ["queued"]
    assert play.submit(2) == ["queued"]
    assert play.tell(r.Wake(WakeMode.NATURAL, "op"), r.Restart("op")) == ["Refuse RefusedError"] * 2
    assert play.tell(f.Tick(), after=100) == ["expired", "Notify expired"]
    assert play.tell(r.Acknowledge((f"{2:032x}", f"{2:032x}"))) == ["accepted", "done"]


def test_a_cut_message_expires_while_its_peer_is_stopped() -> None:
    play = Play()
    play.submit(expires_at=150.0)
    play.ready()
    play.taken()
    play.tell(r.Stop("op"))
    play.died()
    assert deadline(play.state, play.now) == 150.0
    assert play.tell(f.Tick(), after=50) == ["expired", "Notify expired"]


def test_another_runtime_needs_a_sleeping_peer_and_begins_anew() -> None:
    play = Play()
    play.busy()
    other = replace(play.state.peer.settings, runtime="plain")
    assert play.tell(r.Configure(other)) == ["Refuse RefusedError"]
    play.tell(r.Stop("op"))
    play.died()
    assert play.tell(r.Configure(other)) == []
    assert play.state.peer.conversation is None
    assert play.message().state is MessageState.QUEUED


def test_nothing_is_launched_while_the_host_shuts_down() -> None:
    play = Play(wake=WakePolicy.ALWAYS)
    play.policy = replace(POLICY, waking=False)
    assert play.submit() == ["queued"]
    play.policy = POLICY
    assert play.tell(f.Tick())[-1] == "Launch"


def test_a_peer_that_is_always_up_comes_back_after_a_pause() -> None:
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(f.Tick())
    play.ready()
    assert play.died(Cause.COMPLETED) == ["stopped(completed)"]
    assert play.tell(f.Tick(), after=1)[-1] == "Launch"


def test_N5_what_is_not_idle_gets_no_offer() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    for state in (SessionState.BLOCKED, SessionState.UNKNOWN, SessionState.WORKING):
        play.tell(play.seen(state))
        assert not [word for word in play.submit(int(play.now) + len(state)) if "Offer" in word]
    assert play.tell(play.seen(SessionState.STARTING)) == []
    assert play.session.state is SessionState.WORKING


def test_a_conversation_learnt_while_stopping_is_kept() -> None:
    play = Play()
    play.busy()
    play.tell(r.Stop("op"))
    play.tell(f.Observed(play.session.id, SessionState.IDLE, "late", "c-late"))
    assert (play.state.peer.conversation, play.session.state) == ("c-late", SessionState.STOPPING)


def test_N4_late_evidence_of_a_conversation_that_was_left_is_reported_not_driven_again() -> None:
    play = Play()
    play.submit()
    play.ready()
    first = play.session.id
    play.died()
    play.examined(Examination.UNCLEAR)
    play.tell(r.Wake(WakeMode.FRESH, "op"))
    play.ready()
    assert play.tell(f.Taken(first, f"{1:032x}", "late")) == ["accepted", "dead-letter", "Notify died"]
