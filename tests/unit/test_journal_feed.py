"""The journal as a feed: whoever takes it slowly gets it whole, and costs no memory meanwhile."""

from contextlib import aclosing

import pytest

from roost.core.vocabulary.commands import Journal, Rename
from roost.daemon.serve.journal import BEHIND, JournalFeed
from roost.store.interfaces import Batch, JournalRow
from roost.store.memory import MemoryStore


class Written:
    """A store and the feed of its journal."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.feed = JournalFeed(self.store)

    async def write(self, count: int, peer: str = "ann") -> tuple[JournalRow, ...]:
        """Commit that many lines of a peer at once, and tell of them."""
        rows = await self.store.commit(
            Batch(at=1.0, journal=tuple(Journal("idle", peer) for _ in range(count)))
        )
        self.feed.committed(rows)
        return rows


async def test_what_is_stored_and_what_comes_is_told_in_order_and_once() -> None:
    written = Written()
    await written.write(3)
    async with aclosing(written.feed.rows(1, None, follow=True)) as rows:
        told = [await anext(rows), await anext(rows)]
        await written.write(2)
        told += [await anext(rows), await anext(rows)]
    assert [row.seq for row in told] == [2, 3, 4, 5]


async def test_a_follower_that_takes_nothing_for_long_is_told_all_of_it_from_the_store() -> None:
    written = Written()
    await written.write(1)
    many = 3 * BEHIND
    async with aclosing(written.feed.rows(0, None, follow=True)) as rows:
        told = [await anext(rows)]
        for _ in range(3):
            await written.write(BEHIND)
        told += [await anext(rows) for _ in range(many)]
        await written.write(1)
        told.append(await anext(rows))
    assert [row.seq for row in told] == list(range(1, many + 3))


async def test_a_follower_of_one_peer_that_is_behind_is_told_of_that_peer_alone() -> None:
    written = Written()
    await written.write(1)
    async with aclosing(written.feed.rows(0, "ann", follow=True)) as rows:
        told = [await anext(rows)]
        await written.write(2 * BEHIND, "bob")
        await written.write(1)
        told.append(await anext(rows))
    assert [row.seq for row in told] == [1, 2 * BEHIND + 2]


async def test_no_more_than_a_bound_is_kept_for_a_follower() -> None:
    written = Written()
    with written.feed.subscribe() as news:
        kept = await written.write(BEHIND)
        assert [await news.get() for _ in kept] == list(kept)
        await written.write(BEHIND + 1)
        assert await news.get() is None, "the store has them"
        [row] = await written.write(1)
        assert await news.get() == row


@pytest.mark.parametrize("meanwhile", [0, 2 * BEHIND])
async def test_P11_who_follows_a_peer_follows_it_under_its_new_name(meanwhile: int) -> None:
    written = Written()
    await written.write(1)
    async with aclosing(written.feed.rows(0, "ann", follow=True)) as rows:
        told = [await anext(rows)]
        renamed = Batch(
            at=2.0,
            changes=(Rename("ann", "eve", 1.0),),
            journal=(Journal("renamed", "eve", data={"from": "ann"}),),
        )
        written.feed.committed(await written.store.commit(renamed))
        if meanwhile:
            await written.write(meanwhile, "bob")
        await written.write(1, "eve")
        told += [await anext(rows), await anext(rows)]
    assert [(row.kind, row.peer) for row in told] == [("idle", "ann"), ("renamed", "eve"), ("idle", "eve")]
