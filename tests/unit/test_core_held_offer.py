"""What a person at the terminal is in the way of is one offer: it is told once, and once when it goes on."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import HANDED, Examination, MessageState
from roost.core.vocabulary.session import SessionState
from roost.core.vocabulary.view import iso, shown
from tests.support.playbook import Play

DRAFT = "a draft stands in its input line"
TYPES = "a person is typing in its terminal"


def tried(play: Play, why: str = DRAFT, *, person: bool = True) -> list[str]:
    """The offer under way does not come to its paste; what that is told as."""
    message = play.message()
    play.tell(f.OfferWaits(play.session.id, message.id, message.attempts, why))
    return play.tell(
        f.OfferFailed(
            play.session.id, message.id, certain=True, why=why, attempt=message.attempts, person=person
        )
    )


def steps(play: Play) -> list[tuple[str, str]]:
    """The steps of the story that the latest event has added."""
    return [(each.outcome, each.why) for each in play.commands if isinstance(each, c.SaveAttempt)]


def held() -> Play:
    """A peer whose message waits for a person at its terminal."""
    play = Play()
    play.submit()
    play.ready()
    assert tried(play) == ["Notify waits", "held"]
    assert steps(play) == [("held", DRAFT)]
    return play


def again(play: Play) -> list[str]:
    """It is tried again when that is due."""
    return play.tell(f.Tick(), after=1)


def free(play: Play) -> list[str]:
    """Nothing is in the way of the offer under way."""
    message = play.message()
    return play.tell(f.OfferWaits(play.session.id, message.id, message.attempts, HANDED))


def test_the_same_hold_seen_again_is_told_nowhere() -> None:
    play = held()
    since = play.now
    for _ in range(1000):
        assert again(play) == ["Offer 1"]
        assert steps(play) == []
        assert shown(play.state, play.now).why.endswith(f"a message waits: {DRAFT}, since {iso(since)}")
        assert tried(play) == []
        assert steps(play) == []
        assert shown(play.state, play.now).why.endswith(f"a message waits: {DRAFT}, since {iso(since)}")
    assert play.message().attempts == 1, "it is one offer"
    assert again(play) == ["Offer 1"]
    assert free(play) == ["released"]
    assert steps(play) == [("released", "nobody is in its way any more")]
    assert "waits" not in shown(play.state, play.now).why
    assert free(play) == []
    assert play.taken() == ["accepted"]


def test_who_goes_on_typing_is_the_same_hold() -> None:
    play = held()
    for why in (TYPES, DRAFT, TYPES):
        assert again(play) == ["Offer 1"]
        assert tried(play, why) == []
        assert why in shown(play.state, play.now).why, "what is in its way is that of now"


def test_what_else_ends_an_offer_is_told_and_the_next_is_another_one() -> None:
    play = held()
    again(play)
    assert tried(play, "it is not at its prompt", person=False) == []
    assert steps(play) == [("not pasted", "it is not at its prompt")]
    assert again(play) == ["offered", "Offer 1"]
    assert play.message().attempts == 2
    assert tried(play) == ["Notify waits", "held"]


def test_N4_an_offer_that_may_have_been_pasted_is_never_taken_for_the_one_that_was_held() -> None:
    """Its number tells it apart in the record."""
    for verdict in (Examination.ABSENT, Examination.UNCLEAR):
        play = held()
        again(play)
        play.tell(
            f.OfferFailed(play.session.id, play.message().id, certain=False, why="cut short", attempt=1)
        )
        play.examined(verdict)
        if verdict is Examination.ABSENT:
            assert again(play) == ["offered", "Offer 1"]
        else:
            assert play.message().state is MessageState.UNKNOWN
            assert play.tell(r.Resend(play.message().id, "op")) == ["queued", "offered", "Offer 1"]
        assert play.message().attempts == 2


def test_N4_a_daemon_that_ends_while_it_tries_makes_another_offer() -> None:
    """Its successor looks whether it was pasted, which a person may have let happen meanwhile."""
    play = held()
    again(play)
    play.examined(Examination.ABSENT)
    assert again(play) == ["offered", "Offer 1"]
    assert play.message().attempts == 2


def test_what_is_taken_although_it_was_held_holds_no_more() -> None:
    play = held()
    again(play)
    assert play.taken() == ["accepted"]
    assert play.session.held_offer is None
    play.died()
    play.tell(f.Tick(), after=60)
    assert play.ready()[-1] == "Redrive 1"
    assert play.message().attempts == 2


def test_the_hold_ends_with_its_session() -> None:
    play = held()
    play.died()
    play.tell(f.Tick(), after=60)
    assert play.ready() == ["ready", "offered", "Offer 1"]
    assert play.message().attempts == 2
    assert play.session.state is SessionState.IDLE
