"""What an operator decides about a message in doubt, and evidence that comes at the same time."""

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Examination, MessageState
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Cause, SessionState
from tests.support.playbook import Play, mail


def doubted(wake: WakePolicy = WakePolicy.WARM) -> Play:
    """A live session, and a message of which nobody knows whether it was taken."""
    play = Play(wake=wake)
    play.submit(expires_at=play.now + 1)
    play.ready()
    play.tell(f.OfferFailed(play.session.id, play.message().id, certain=False, why="?"))
    play.examined(Examination.UNCLEAR)
    return play


def resend(play: Play) -> list[str]:
    return play.tell(r.Resend(play.message().id, "operator"))


def test_a_message_in_doubt_is_offered_again_under_its_id_although_its_time_ran_out() -> None:
    play = doubted()
    play.now += 5
    assert resend(play) == ["queued", "offered", "Offer 1"]
    assert (play.message().attempts, play.message().expires_at) == (2, None)
    assert (
        c.SaveAttempt(play.message().id, play.session.id, "resent", "sent again by operator") in play.commands
    )
    assert play.taken() == ["accepted"]
    assert play.ended() == ["done"]


def test_N4_evidence_that_comes_before_the_second_paste_settles_the_message() -> None:
    play = doubted()
    play.tell(play.seen(play.session.state.WORKING))
    assert resend(play) == ["queued"]
    assert play.taken() == ["accepted"]
    assert play.ended() == ["done"]


def test_N4_evidence_that_came_first_leaves_nothing_to_send_again() -> None:
    play = doubted()
    assert play.taken() == ["accepted"]
    assert resend(play) == ["Refuse RefusedError"]
    (refusal,) = play.commands
    assert isinstance(refusal, c.Refuse)
    assert "is not in doubt: it is with 'p' now" in refusal.error.message


def test_N4_what_is_found_on_record_before_the_second_paste_is_not_pasted() -> None:
    play = doubted()
    resend(play)
    found = f.Examined(play.message().id, Examination.ENDED, "on record", play.message().attempts)
    assert play.tell(found) == ["accepted", "done"]


def test_evidence_of_the_first_offer_from_another_session_does_not_count_for_the_second() -> None:
    play = doubted()
    old = play.session.id
    play.died(Cause.IDLE_SLEEP)
    assert resend(play) == ["queued", "starting(parked-no-topic)", "Launch"]
    play.ready()
    assert play.tell(f.Taken(old, play.message().id, "late")) == []
    assert play.message().state is MessageState.OFFERED


def test_a_note_in_doubt_is_made_again_as_a_note() -> None:
    play = Play()
    play.busy()
    play.died()
    play.tell(f.Tick(), after=1)
    play.ready()
    play.tell(f.OfferFailed(play.session.id, play.message().id, certain=False, why="?"))
    play.examined(Examination.UNCLEAR)
    assert resend(play) == ["queued", "offered", "Redrive 1"]


def test_what_waits_or_is_in_doubt_can_be_dropped_and_its_sender_is_told() -> None:
    play = doubted()
    assert play.tell(r.Drop(play.message().id, "operator")) == ["dead-letter", "Notify dropped"]
    play.tell(r.Stop("op"))
    play.submit(2)
    assert play.tell(r.Drop(play.message(2).id, "operator")) == ["dead-letter", "Notify dropped"]
    assert play.state.messages == ()


@pytest.mark.parametrize("again", [False, True])
def test_P4_the_session_of_a_task_that_is_dropped_in_doubt_goes_after_its_quiet_window(again: bool) -> None:
    play = doubted(WakePolicy.EPHEMERAL)
    if again:
        play.tell(play.seen(SessionState.WORKING))
        assert resend(play) == ["queued"]
    assert play.tell(r.Drop(play.message().id, "operator")) == ["dead-letter", "Notify dropped"]
    play.tell(play.seen(SessionState.IDLE))
    assert play.tell(f.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]


@pytest.mark.parametrize("event", [r.Resend, r.Drop])
def test_what_is_with_the_agent_or_ended_is_left_alone(event: type[r.Resend | r.Drop]) -> None:
    play = Play()
    play.busy()
    message_id = play.message().id
    assert play.tell(event(message_id, "operator")) == ["Refuse RefusedError"]
    play.ended()
    assert play.tell(event(message_id, "operator")) == ["Refuse RefusedError"]


def test_a_message_that_ended_is_told_what_it_was_sent_again_as() -> None:
    play = Play()
    play.tell(r.Submit(mail(2), repeats=mail(1).id))
    assert c.SaveAttempt(mail(1).id, None, "sent again", f"as message {mail(2).id}") in play.commands


def test_C2_the_conversation_that_holds_the_message_of_a_dead_session_is_the_one_that_goes_on() -> None:
    play = Play()
    play.submit()
    play.ready()
    play.tell(f.Observed(play.session.id, play.session.state, "known", "first"))
    play.died()
    assert play.state.peer.conversation == "first"
    found = f.Examined(play.message().id, Examination.FOUND, "on record", conversation="second")
    assert play.tell(found) == ["accepted", "Notify interrupted"]
    play.tell(f.Tick(), after=1)
    assert (play.session.conversation, play.session.resumed) == ("second", True)
    assert play.ready() == ["ready", "offered", "Redrive 1"]


def test_C2_a_live_session_keeps_the_conversation_that_it_is_seen_to_run() -> None:
    play = Play()
    play.submit()
    play.ready()
    play.tell(f.Observed(play.session.id, play.session.state, "known", "first"))
    play.tell(f.Examined(play.message().id, Examination.FOUND, "on record", conversation="second"))
    assert (play.session.conversation, play.state.peer.conversation) == ("first", "first")
