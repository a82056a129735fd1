"""`--when now|next|idle`: what a busy, an idle and a sleeping peer get, and in which order."""

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Examination, MessageState, Timing
from roost.core.vocabulary.peer import WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, SessionState
from tests.support.playbook import Play, mail

NOW, IDLE = Timing.NOW, Timing.IDLE


def steerable(wake: WakePolicy = WakePolicy.WARM) -> Play:
    """A peer whose program takes in what is typed into its turn, in the middle of one."""
    play = Play(wake=wake)
    play.policy = Policy({"demo": Traits(steers=True)})
    play.busy()
    play.tell(play.seen(SessionState.WORKING))
    return play


def ids(play: Play) -> list[int]:
    return [int(message.id, 16) for message in play.state.turn]


def order(play: Play) -> list[int]:
    """Which messages are handed over one after another, from now on."""
    offered: list[int] = []
    while play.state.messages:
        if not play.state.in_flight:
            return offered
        offered.append(int(play.state.in_flight[0].id, 16))
        play.taken(offered[-1])
        play.ended()
    return offered


def test_a_busy_agent_gets_what_is_urgent_next_and_the_rest_in_order_and_then_what_can_wait() -> None:
    play = Play()
    play.busy()
    for number, timing in enumerate([IDLE, Timing.NEXT, NOW, Timing.NEXT, IDLE, NOW], 2):
        assert play.submit(number, timing=timing) == ["queued"], "its program takes nothing into its turn"
    assert play.ended() == ["done", "offered", "Offer 4"]
    assert order(play) == [4, 7, 3, 5, 2, 6]


def test_what_can_wait_wakes_nobody_and_its_sender_is_told() -> None:
    play = Play()
    assert play.submit(1, timing=IDLE) == ["queued", "Advise"]
    (advice,) = (each for each in play.commands if isinstance(each, c.Advise))
    assert "sleeps" in advice.text
    assert play.tell(f.Tick(), after=3600) == []
    assert play.submit(2) == ["queued", "starting(first-wake)", "Launch"]
    assert play.ready() == ["ready", "offered", "Offer 2"]
    assert order(play) == [2, 1]


def test_what_can_wait_goes_to_a_session_that_an_operator_wakes() -> None:
    play = Play()
    play.submit(1, timing=IDLE)
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    assert play.ready() == ["ready", "offered", "Offer 1"]


def test_an_ephemeral_peer_has_an_idle_session_for_each_task() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    assert play.submit(1, timing=IDLE) == ["queued", "starting(ephemeral)", "Launch"]
    assert play.ready() == ["ready", "offered", "Offer 1"]


def test_a_turn_that_was_cut_off_goes_on_before_anything_urgent_begins() -> None:
    play = Play()
    play.busy()
    play.submit(2, timing=NOW)
    play.died(Cause.CRASHED)
    play.tell(f.Tick(), after=5)
    play.ready()
    assert order(play) == [1, 2]


def test_what_can_wait_expires_and_is_cut_and_driven_again_like_any_other() -> None:
    play = Play()
    play.submit(1, timing=IDLE, expires_at=play.now + 5)
    assert play.tell(f.Tick(), after=5) == ["expired", "Notify expired"]
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.submit(2, timing=IDLE)
    play.taken(2)
    assert sorted(play.died()) == ["Notify interrupted", "stopped(crashed)"]
    assert play.message(2).state is MessageState.ACCEPTED
    assert play.tell(f.Tick(), after=5) == ["starting(redrive)", "Launch"]


def test_an_urgent_message_is_handed_over_into_the_running_turn_and_ends_with_it() -> None:
    play = steerable()
    assert play.submit(2) == ["queued"]
    assert play.submit(3, timing=NOW) == ["queued", "offered", "Offer 3"]
    (offer,) = (each for each in play.commands if isinstance(each, c.Offer))
    assert offer.steers
    assert play.submit(4, timing=NOW) == ["queued"], "one offer at a time"
    assert play.taken(3) == ["accepted", "offered", "Offer 4"]
    assert play.taken(4) == ["accepted"]
    assert ids(play) == [1, 3, 4]
    assert play.ended() == ["done", "done", "done"]
    assert play.tell(play.seen(SessionState.IDLE)) == ["idle", "offered", "Offer 2"]


def test_a_turn_that_ends_before_it_takes_the_message_leaves_it_to_the_next() -> None:
    play = steerable()
    play.submit(2, timing=NOW)
    assert play.ended() == ["done"]
    assert play.message(2).state is MessageState.OFFERED
    assert play.taken(2) == ["accepted"]
    assert play.ended() == ["done"]


def test_the_end_of_a_turn_is_that_of_the_messages_that_it_names() -> None:
    play = steerable()
    play.submit(2, timing=NOW)
    play.taken(2)
    assert play.tell(f.TurnEnded(play.session.id, "record", messages=(mail(1).id,))) == ["done"]
    assert ids(play) == [2]


@pytest.mark.parametrize("state", [SessionState.BLOCKED, SessionState.UNKNOWN, SessionState.IDLE])
def test_nothing_is_handed_over_into_a_turn_that_is_not_seen_to_work(state: SessionState) -> None:
    play = steerable()
    play.tell(play.seen(state))
    assert play.submit(2, timing=NOW) == ["queued"]


def test_nothing_is_handed_over_into_a_turn_while_the_session_is_to_compact_or_to_end() -> None:
    play = steerable()
    play.tell(r.Compact("op"))
    assert play.submit(2, timing=NOW) == ["queued"]
    play = steerable()
    play.tell(f.Completed(play.session.id, "did it"))
    assert play.submit(2, timing=NOW) == ["queued"]


def test_P4_a_task_is_never_handed_over_into_the_turn_of_another() -> None:
    play = steerable(wake=WakePolicy.EPHEMERAL)
    assert play.submit(2, timing=NOW) == ["queued"]


def test_N2_a_death_cuts_all_of_the_turn_off_and_looks_for_what_was_being_handed_over() -> None:
    play = steerable()
    play.submit(2, timing=NOW)
    play.taken(2)
    play.submit(3, timing=NOW)
    told = play.died()
    assert sorted(told) == ["Examine", "Notify interrupted", "Notify interrupted", "stopped(crashed)"]
    assert play.tell(f.Tick(), after=5) == [], "its verdict may need the conversation"
    assert play.examined(Examination.ABSENT, 3) == ["starting(redrive)", "Launch"]
    assert play.ready() == ["ready", "offered", "Redrive 1"]
    play.taken(1)
    play.tell(play.seen(SessionState.WORKING))
    assert ids(play) == [1], "a cut turn is driven again in a turn of its own"
    assert play.tell(f.TurnEnded(play.session.id, "record"), play.seen(SessionState.IDLE)) == [
        "done",
        "idle",
        "offered",
        "Redrive 2",
    ]
    play.taken(2)
    assert play.ended() == ["done"]
    assert play.tell(f.Tick(), after=1) == ["offered", "Offer 3"]


def test_an_interrupt_and_a_failure_of_the_model_are_of_all_of_the_turn() -> None:
    play = steerable()
    play.submit(2, timing=NOW)
    play.taken(2)
    over = f.TurnEnded(play.session.id, "record", "interrupted", interrupted=True)
    assert play.tell(over) == ["dead-letter", "Notify interrupted"] * 2
    play = steerable()
    play.submit(2, timing=NOW)
    play.taken(2)
    play.ended("429")
    assert [message.cut for message in play.state.messages] == [True, True]


def test_an_urgent_message_that_a_draft_kept_out_of_the_turn_is_tried_again_in_it() -> None:
    play = steerable()
    play.submit(2, timing=NOW)
    play.tell(f.OfferFailed(play.session.id, mail(2).id, certain=True, why="a draft", person=True))
    assert play.message(2).state is MessageState.QUEUED
    assert play.tell(f.Tick(), after=1) == ["Offer 2"]
    assert play.message(2).state is MessageState.OFFERED


def test_N4_what_is_driven_again_has_a_turn_of_its_own() -> None:
    """It would be given up for the end of another one's turn."""
    play = steerable()
    for number in (2, 3):
        play.submit(number, timing=NOW)
        play.taken(number)
    play.died()
    assert play.tell(f.Tick(), after=1) == ["starting(redrive)", "Launch"]
    play.tell(f.ConversationMissing(play.session.id))
    words = ["ready", "offered", "Notify fresh conversation", "Offer 2"]
    assert play.ready() == words, "the urgent one first, whole"
    play.taken(2)
    assert play.tell(play.seen(SessionState.WORKING)) == ["working"]
    assert play.ended() == ["done"]
    assert play.tell(play.seen(SessionState.IDLE)) == ["idle", "offered", "Offer 3"]
