"""The order within a batch."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.session import Cause, Death, Session, WakeCause
from roost.store.arrange import arranged

PEER = c.SavePeer(Peer("p", "s", Settings("/", "demo"), 1.0))
OLD = c.SaveSession(Session("s1", "p", 1, "n", WakeCause.EPHEMERAL, False, 1.0, 1.0))
NEW = c.SaveSession(Session("s2", "p", 2, "n", WakeCause.EPHEMERAL, False, 1.0, 1.0))
CLOSE = c.CloseSession(Death("s1", "p", 1, 2.0, Cause.OOM))
MESSAGE = c.SaveMessage(Message("m1", "a", "p", 1.0, 0, "d"))
ATTEMPT = c.SaveAttempt("m1", None, "offered", "")
PURGE = c.Purge("p")


def test_rows_come_before_those_that_refer_to_them() -> None:
    given = (ATTEMPT, MESSAGE, OLD, CLOSE, NEW, PEER)
    assert list(arranged(given)) == [PEER, OLD, CLOSE, NEW, MESSAGE, ATTEMPT]


def test_a_single_change_is_left_alone() -> None:
    assert list(arranged(())) == []
    assert list(arranged((PURGE,))) == [PURGE]


def test_nothing_crosses_a_purge() -> None:
    given = (ATTEMPT, MESSAGE, PURGE, NEW, PEER)
    assert list(arranged(given)) == [MESSAGE, ATTEMPT, PURGE, PEER, NEW]
