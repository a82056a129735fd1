"""An answer that is wanted by a time: who asked hears of it, or once that none has come."""

import pytest

from roost.core.decide import deadline
from roost.core.messages.awaited import NO_ANSWER
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.limits import REPLIES_AWAITED
from roost.core.vocabulary.message import Notice
from tests.support.playbook import Play

ASKED = f"{7:032x}"


@pytest.fixture(params=["human", "demo"])
def play(request: pytest.FixtureRequest) -> Play:
    """Who asks: a mailbox, or an agent."""
    play = Play(runtime=request.param)
    play.tell(r.AwaitReply(ASKED, 60.0))
    return play


def test_N1_silence_is_told_once_when_the_time_is_over(play: Play) -> None:
    assert deadline(play.state, play.now) == 160.0
    assert play.tell(f.Tick(), after=59) == []
    assert play.tell(f.Tick(), after=1) == [f"Notify {NO_ANSWER}"]
    (notify,) = [each for each in play.commands if isinstance(each, c.Notify)]
    assert (notify.to, notify.notice.about) == ("p", ASKED)
    assert "within 1m" in notify.notice.why
    assert play.tell(f.Tick(), after=600) == []
    assert deadline(play.state, play.now) is None


def test_an_answer_ends_the_waiting_with_the_transition_that_brings_it(play: Play) -> None:
    play.submit(2, reply_to=ASKED)
    assert play.state.peer.awaits == ()
    assert f"Notify {NO_ANSWER}" not in play.tell(f.Tick(), after=600)


def test_an_answer_that_comes_too_late_is_mail_like_any(play: Play) -> None:
    play.tell(f.Tick(), after=61)
    assert "queued" in play.submit(2, reply_to=ASKED)


def test_neither_another_message_nor_a_notice_is_an_answer(play: Play) -> None:
    play.submit(2, reply_to=f"{8:032x}")
    play.submit(3, reply_to=ASKED, notice=Notice(ASKED, "waits", "why"))
    assert len(play.state.peer.awaits) == 1


def test_asked_again_under_the_same_id_the_first_time_counts(play: Play) -> None:
    play.tell(r.AwaitReply(ASKED, 600.0), after=5)
    assert deadline(play.state, play.now) == 160.0


def test_what_was_not_sent_is_awaited_no_more(play: Play) -> None:
    play.tell(f.NotSent(ASKED))
    assert deadline(play.state, play.now) is None


def test_the_time_for_an_answer_follows_a_clock_that_is_set(play: Play) -> None:
    play.tell(f.ClockMoved(by=3600.0, set_by=3600.0), after=3600)
    assert play.tell(f.Tick(), after=59) == []
    assert play.tell(f.Tick(), after=1) == [f"Notify {NO_ANSWER}"]


def test_the_time_for_an_answer_runs_on_while_the_machine_sleeps(play: Play) -> None:
    assert play.tell(f.ClockMoved(by=3600.0, set_by=0.0), after=3600) == [f"Notify {NO_ANSWER}"]


def test_a_peer_awaits_a_bounded_number_of_answers() -> None:
    play = Play(runtime="human")
    for number in range(REPLIES_AWAITED):
        assert play.tell(r.AwaitReply(f"{number:032x}", 60.0)) == []
    assert play.tell(r.AwaitReply(f"{REPLIES_AWAITED:032x}", 60.0)) == ["Refuse RefusedError"]
    assert len(play.state.peer.awaits) == REPLIES_AWAITED
