"""The bodies that are kept in memory: few, small, each given once, none of what is gone."""

from roost.core.vocabulary import commands as c
from roost.store.interfaces import Batch
from roost.store.recent_bodies import MOST, SMALL, RecentBodies
from tests.support.store_samples import BODY, mail, message


def test_a_body_is_given_once() -> None:
    recent = RecentBodies()
    recent.stored(mail(message(1)))
    assert (recent.take(message(1).id), recent.take(message(1).id)) == (BODY, None)


def test_the_latest_are_kept_and_none_that_is_long() -> None:
    recent, long = RecentBodies(), message(0, size=SMALL + 1)
    recent.stored(Batch(1.0, (c.SaveMessage(long),), bodies={long.id: b"x" * (SMALL + 1)}))
    assert recent.take(long.id) is None
    for number in range(MOST + 1):
        recent.stored(mail(message(number)))
    found = [recent.take(message(number).id) for number in range(MOST + 1)]
    assert found == [None, *[BODY] * MOST]


def test_what_was_not_stored_or_is_purged_is_not_given() -> None:
    recent = RecentBodies()
    recent.stored(Batch(1.0, bodies={message(1).id: BODY}))
    assert recent.take(message(1).id) is None
    recent.stored(mail(message(2)))
    recent.stored(Batch(2.0, (c.Purge("worker"),)))
    assert recent.take(message(2).id) is None
