"""How much one sender may have waiting for one peer."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import Notice
from tests.support.playbook import Play

FULL = ["Refuse QueueFullError"]
KEPT = ["queued", "Advise"]


def test_one_sender_that_runs_wild_leaves_room_for_the_others() -> None:
    play = Play(queue_limit=9, sender_limit=2)
    play.tell(r.Stop("op"))
    assert [play.submit(number, sender="wild") for number in (1, 2, 3)] == [KEPT, KEPT, FULL]
    (refusal,) = play.commands
    assert isinstance(refusal, c.Refuse)
    assert "2 messages from 'wild' wait for 'p'" in refusal.error.message
    assert "sender_limit" in refusal.error.message
    assert play.submit(2, sender="wild") == [], "the same message again is no other one"
    assert play.submit(4, sender="calm") == KEPT
    assert play.submit(5, sender="roost", notice=Notice("x", "died", "why")) == ["notice", "Advise"]
    assert [play.submit(number, sender=OPERATOR) for number in (6, 7, 8)] == [KEPT] * 3


def test_only_what_waits_counts_for_the_share() -> None:
    play = Play(sender_limit=1)
    play.submit(1, sender="wild")
    play.ready()
    play.taken()
    assert play.submit(2, sender="wild") == ["queued"]
    assert play.submit(3, sender="wild") == FULL
    assert play.ended() == ["done", "offered", "Offer 2"]
    assert play.submit(3, sender="wild") == ["queued"]


def test_the_operators_mailbox_makes_room_instead() -> None:
    box = Play(OPERATOR, runtime="human", queue_limit=3, sender_limit=1)
    assert [box.submit(number, sender="wild") for number in (1, 2, 3)] == [["queued"]] * 3


NEWS = Notice("x", "died", "why")


def test_N2_mail_and_notices_take_no_room_from_each_other() -> None:
    play = Play(queue_limit=2)
    play.tell(r.Stop("op"))
    assert [play.submit(number, sender="roost", notice=NEWS) for number in (1, 2)] == [
        ["notice", "Advise"]
    ] * 2
    assert play.submit(3, sender="roost", notice=NEWS) == FULL
    assert [play.submit(number) for number in (4, 5)] == [KEPT] * 2, "notices are no mail"
    assert play.submit(6) == FULL


def test_the_operators_mailbox_lets_go_of_one_for_one_and_of_the_same_kind() -> None:
    """A mail expired hundreds of others, where notices had filled the mailbox beyond its limit."""
    box = Play(OPERATOR, runtime="human", queue_limit=3)
    for number in (1, 2, 3):
        box.submit(number)
    for number in (11, 12, 13):
        assert box.submit(number, sender="roost", notice=NEWS) == ["notice"]
    assert box.submit(4) == ["expired", "queued"]
    assert box.submit(14, sender="roost", notice=NEWS) == ["expired", "notice"]
    assert [int(each.id, 16) for each in box.state.messages] == [2, 3, 12, 13, 4, 14]


def test_a_mailbox_is_nearly_full_by_its_mail_or_by_its_notices() -> None:
    box = Play(OPERATOR, runtime="human", queue_limit=10)
    for number in range(8):
        box.submit(number)
        box.submit(number + 20, sender="roost", notice=NEWS)
    assert not box.state.nearly_full
    box.submit(8, sender="roost", notice=NEWS)
    assert box.state.nearly_full
    box.tell(r.Acknowledge((f"{8:032x}",)))
    assert not box.state.nearly_full
    box.submit(9)
    assert box.state.nearly_full
