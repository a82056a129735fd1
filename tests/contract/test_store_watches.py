"""Watches are stored with the decisions that they belong to, and found by the next daemon."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.watch import Watch, Watched
from roost.errors import StoreError
from roost.store.interfaces import Batch, Store
from tests.support.store_samples import Box, peer


def a_watch(
    number: int, kind: Watched = Watched.IDLE, subject: str = "worker", watcher: str = "boss"
) -> Watch:
    return Watch(f"{number:032x}", watcher, kind, subject, 100.0, 200.0)


async def add(store: Store, *watches: Watch) -> None:
    await store.commit(Batch(100.0, tuple(c.AddWatch(each) for each in watches)))


async def known(store: Store) -> list[Watch]:
    return list((await store.load()).watches)


async def test_watches_are_loaded_as_they_were_stored(box: Box) -> None:
    watches = [a_watch(2, Watched.FILE, "/w/*"), replace(a_watch(1), once=True, told=3, last="s 1.5")]
    await add(box.store, *watches)
    assert await known(await box.reopen()) == watches[::-1]


async def test_a_change_is_for_a_watch_that_is_there(store: Store) -> None:
    """Another decision may have ended it meanwhile: it does not come back."""
    await add(store, a_watch(1), a_watch(2))
    await store.commit(Batch(101.0, (c.EndWatch(a_watch(1).id),)))
    told = [replace(a_watch(number), told=1, last="x") for number in (1, 2)]
    await store.commit(Batch(102.0, tuple(c.SaveWatch(each) for each in told)))
    assert await known(store) == told[1:]
    await store.commit(Batch(103.0, (c.SaveWatch(told[1]), c.EndWatch(told[1].id), c.EndWatch("none"))))
    assert await known(store) == []


async def test_a_batch_that_fails_stores_no_watch(store: Store) -> None:
    await add(store, a_watch(1))
    with pytest.raises(StoreError):
        await store.commit(
            Batch(100.0, (c.EndWatch(a_watch(1).id), c.AddWatch(a_watch(2)), c.AddWatch(a_watch(2))))
        )
    assert await known(store) == [a_watch(1)]


async def test_P11_a_rename_moves_watcher_and_watched_and_no_topic_of_that_name(store: Store) -> None:
    await store.commit(Batch(100.0, (c.SavePeer(peer("worker")),)))
    await add(
        store,
        a_watch(1),
        a_watch(2, Watched.TOPIC),
        a_watch(3, Watched.FILE),
        a_watch(4, subject="other", watcher="worker"),
        a_watch(5, subject="workers"),
    )
    await store.commit(Batch(110.0, (c.Rename("worker", "new", 100.0),)))
    assert [(each.watcher, each.subject) for each in await known(store)] == [
        ("boss", "new"),
        ("boss", "worker"),
        ("boss", "worker"),
        ("new", "other"),
        ("boss", "workers"),
    ]


async def test_the_watches_of_a_removed_watcher_go_with_it(store: Store) -> None:
    await store.commit(Batch(100.0, (c.SavePeer(peer("boss")),)))
    await add(store, a_watch(1), a_watch(2, watcher="other"))
    await store.commit(Batch(110.0, (c.Purge("boss"),)))
    assert await known(store) == [a_watch(2, watcher="other")]
