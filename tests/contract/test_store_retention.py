"""What every Store lets go of: what ended long ago, and nothing that is unfinished or still needed."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import MessageState
from roost.store.interfaces import Batch, Intent, Store
from tests.support.store_samples import Box, death, mail, message, peer, session

OLD, LATE, NOW = 10.0, 900.0, 1000.0
UNFINISHED = {MessageState.QUEUED, MessageState.OFFERED, MessageState.ACCEPTED, MessageState.UNKNOWN}


async def test_F20_what_ended_long_ago_goes_with_body_and_story_and_nothing_else(box: Box) -> None:
    store = box.store
    over = [
        message(number, state=MessageState.DONE, done_at=at)
        for number, at in ((1, OLD), (2, LATE), (3, OLD), (4, OLD))
    ]
    waits, unknown = message(5), message(6, state=MessageState.UNKNOWN)
    answer = message(7, reply_to=over[2].id)
    await store.commit(Batch(OLD, (c.SavePeer(peer()),)))
    await store.commit(mail(*over, waits, unknown, answer))
    await store.commit(Batch(OLD, intents=(Intent("offer:4", "offer", "worker", OLD, message=over[3].id),)))
    assert await store.forget(NOW - 500, 0.0) == 1
    assert await store.forget(NOW - 500, 0.0) == 0
    assert await store.body(over[0].id) is None
    store = await box.reopen()
    assert await store.message(over[0].id) is None
    assert await store.body(over[0].id) is None
    left = {found.id for found in await store.messages()}
    assert left == {each.id for each in (*over[1:], waits, unknown, answer)}
    assert await store.body(waits.id) is not None


@pytest.mark.parametrize("state", MessageState)
async def test_F20_whatever_is_unfinished_stays_and_whatever_has_ended_goes(
    store: Store, state: MessageState
) -> None:
    """Also where a time of its end is written down."""
    await store.commit(Batch(OLD, (c.SavePeer(peer()),)))
    await store.commit(mail(message(1, state=state, done_at=OLD)))
    went = await store.forget(NOW, NOW)
    assert went == (0 if state in UNFINISHED else 1)
    assert len(await store.messages()) == 1 - went


async def test_F20_events_and_deaths_go_but_those_that_are_needed(store: Store) -> None:
    first, second = session(generation=1), session(generation=2)
    await store.commit(Batch(OLD, (c.SavePeer(peer()), c.SaveSession(first))))
    await store.commit(Batch(OLD, (c.CloseSession(replace(death(first), at=OLD)),)))
    await store.commit(Batch(OLD, (c.SaveSession(second),)))
    await store.commit(Batch(OLD, (c.CloseSession(replace(death(second), at=OLD)),)))
    await store.commit(
        Batch(
            OLD,
            journal=(
                c.Journal("stopped", "worker", first.id),
                c.Journal("idle", "worker", first.id),
                c.Journal("stopped", "gone", "of a removed peer"),
                c.Journal("removed", "gone"),
            ),
        )
    )
    await store.commit(Batch(LATE, journal=(c.Journal("idle", "worker"),)))
    assert await store.forget(NOW - 500, NOW - 500) == 3
    assert [(row.kind, row.peer) for row in await store.events()] == [
        ("stopped", "gone"),
        ("removed", "gone"),
        ("idle", "worker"),
    ]
    assert [each.session for each in await store.deaths()] == [second.id]
    assert await store.closed([first.id, second.id, "of a removed peer"]) == {
        first.id,
        second.id,
        "of a removed peer",
    }
    await store.commit(Batch(NOW, journal=(c.Journal("idle", "worker"),)))
    assert await store.last_seq() == 6, "numbers are given once"


async def test_F20_the_latest_event_stays_whatever_its_age(store: Store) -> None:
    await store.commit(Batch(OLD, journal=(c.Journal("idle", "a"), c.Journal("idle", "b"))))
    await store.forget(NOW, NOW)
    assert [row.peer for row in await store.events()] == ["b"]


async def test_G11_the_attachments_that_are_named_are_told(store: Store) -> None:
    await store.commit(Batch(OLD, (c.SavePeer(peer()),)))
    await store.commit(mail(message(1, attachments=("/a/1/x", "/a/2/y")), message(2)))
    assert await store.attachments() == {"/a/1/x", "/a/2/y"}
