"""What every Store promises of pooled sessions: kept beside the active one, never a second active."""

from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import LastDeath, PeerState
from roost.core.vocabulary.session import Cause
from roost.errors import StoreError
from roost.store import rows
from roost.store.database import open_database
from roost.store.interfaces import Batch, Counts, Store
from roost.store.reader import Reader
from tests.support.store_samples import Box, death, peer, session

ACTIVE, SPARE, OTHER = session(), replace(session(generation=2), pooled=True), session(generation=3)


async def begin(store: Store) -> None:
    await store.commit(Batch(1.0, (c.SavePeer(peer()), c.SaveSession(ACTIVE), c.SaveSession(SPARE))))


async def test_B1_pooled_sessions_are_kept_beside_the_active_one(box: Box) -> None:
    await begin(box.store)
    store = await box.reopen()
    assert await store.peers() == [PeerState(peer(), ACTIVE, pool=(SPARE,))]
    assert await store.counts() == Counts(1, 2, 0)
    await store.commit(Batch(2.0, (c.CloseSession(death(SPARE)),)))
    assert await store.peers() == [PeerState(peer(), ACTIVE)]
    assert [each.session for each in await store.deaths()] == [SPARE.id]


async def test_B1_there_is_never_a_second_active_session(store: Store) -> None:
    await begin(store)
    for second in (OTHER, replace(SPARE, pooled=False)):
        with pytest.raises(StoreError):
            await store.commit(Batch(2.0, (c.SaveSession(second),)))
    assert await store.peers() == [PeerState(peer(), ACTIVE, pool=(SPARE,))]


async def test_B1_one_batch_may_exchange_the_active_session_for_a_pooled_one(store: Store) -> None:
    await begin(store)
    shelved, promoted = replace(ACTIVE, pooled=True), replace(SPARE, pooled=False)
    await store.commit(Batch(2.0, (c.SaveSession(shelved), c.SaveSession(promoted))))
    assert await store.peers() == [PeerState(peer(), promoted, pool=(shelved,))]
    await store.commit(Batch(3.0, (c.CloseSession(death(promoted)), c.SaveSession(ACTIVE))))
    assert await store.peers() == [PeerState(peer(), ACTIVE)]


async def test_P11_a_purge_takes_the_pool_too(store: Store) -> None:
    await begin(store)
    await store.commit(Batch(2.0, (c.Purge("worker"),)))
    assert await store.counts() == Counts(0, 0, 0)


def test_a_store_of_the_first_version_keeps_its_sessions_and_learns_who_died_last(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    ended, known = session(), LastDeath(Cause.CRASHED, 110.0, cut=True)
    old = apsw.Connection(str(path))
    migrations = Path(open_database.__code__.co_filename).parent / "migrations"
    old.execute((migrations / "0001.sql").read_text())
    old.pragma("user_version", 1)
    for each in (peer("asleep"), replace(peer(), last_death=known)):
        old.execute("INSERT INTO peers VALUES (?, ?, ?, ?, ?)", rows.peer_row(each))
    for each in (ended, session(generation=2)):
        row = rows.session_row(each)
        old.execute(
            "INSERT INTO sessions (id, peer, generation, state, conversation, started_at, ended_at, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row[:6], 110.0 if each is ended else None, row[-1]),
        )
    old.execute(
        f"INSERT INTO deaths ({rows.DEATH_COLUMNS}) VALUES ({', '.join('?' * 12)})",  # noqa: S608 -- constants
        rows.death_row(death(ended)),
    )
    old.close()
    open_database(path).close()
    reader = Reader(path)
    known = replace(known, session=ended.id)
    assert reader.peers() == [
        PeerState(peer("asleep")),
        PeerState(replace(peer(), last_death=known), session(generation=2)),
    ]
    reader.close()
