"""The twin's own means: failing and stopping on request."""

import asyncio

import pytest

from roost.core.vocabulary.commands import Journal
from roost.errors import StoreError
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore, Point


def _event(kind: str) -> Batch:
    return Batch(1.0, journal=(Journal(kind, "p"),))


async def test_the_next_commit_fails_and_only_that_one() -> None:
    store = MemoryStore()
    store.fail_next()
    with pytest.raises(StoreError, match="nothing was stored"):
        await store.commit(_event("idle"))
    (row,) = await store.commit(_event("working"))
    assert row.seq == 1
    assert [batch.journal[0].kind for batch in store.batches] == ["working"]


async def test_the_next_commit_fails_with_the_given_error() -> None:
    store = MemoryStore()
    store.fail_next(StoreError("the disk is full"))
    with pytest.raises(StoreError, match="the disk is full"):
        await store.commit(_event("idle"))


@pytest.mark.parametrize(("point", "stored"), [(Point.BEFORE, 0), (Point.AFTER, 1)])
async def test_N8_a_commit_stands_still_and_a_new_daemon_sees_what_was_stored(
    point: Point, stored: int
) -> None:
    store = MemoryStore()
    stop = store.stop_next(point)
    first = asyncio.ensure_future(store.commit(_event("idle")))
    second = asyncio.ensure_future(store.commit(_event("working")))
    await asyncio.wait_for(stop.reached.wait(), 5)
    assert not first.done()
    assert not second.done(), "the order holds"
    assert await store.reopened().last_seq() == stored
    stop.go.set()
    assert [row.seq for rows in await asyncio.gather(first, second) for row in rows] == [1, 2]


async def test_what_a_new_daemon_stores_is_its_own() -> None:
    store = MemoryStore()
    other = store.reopened()
    await other.commit(_event("idle"))
    assert await store.last_seq() == 0
