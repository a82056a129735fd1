"""A rename moves all that is keyed to the name in one batch, and nothing of its namesakes (P11)."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import REMOTE
from roost.core.vocabulary.peer import Peer, Settings
from roost.store.errors import BatchError
from roost.store.interfaces import Batch, Intent, Store, Token
from tests.support.store_samples import BODY, death, mail, message, peer, session


async def filled(store: Store) -> None:
    """Two peers, one's name the beginning of the other's, each with a past, mail and open work."""
    for name in ("a", "ab"):
        first = session(name)
        await store.commit(
            Batch(
                200.0,
                (c.SavePeer(peer(name)), c.SaveSession(first)),
                (c.Journal("added", name),),
                tokens=(Token(f"hash-{name}", first.id, name),),
            )
        )
        await store.commit(Batch(201.0, (c.CloseSession(death(first)),)))
        work = Intent(f"notice:{name}", "notice", name, 202.0)
        await store.commit(Batch(202.0, journal=(c.Journal("stopped", name, first.id),), intents=(work,)))
    await store.commit(mail(message(1, "a", sender="ab"), message(2, "ab", sender="a")))


async def test_P11_everything_of_the_name_moves_and_nothing_of_its_namesake(store: Store) -> None:
    await filled(store)
    rows = await store.commit(
        Batch(
            300.0,
            (c.Rename("a", "b", 100.0),),
            (c.Journal("queued", "a"), c.Journal("renamed", "b")),
            intents=(Intent("notice:late", "notice", "a", 300.0),),
        )
    )
    assert [row.peer for row in rows] == ["b", "b"]
    assert [state.peer.name for state in await store.peers()] == ["ab", "b"]
    assert [one.session for one in await store.deaths("b")] == ["a-1"]
    assert [row.kind for row in await store.events(0, "b")] == [
        "added",
        "stopped",
        "queued",
        "queued",
        "renamed",
    ]
    assert await store.events(0, "a") == []
    assert [row.kind for row in await store.events(0, "ab")] == ["added", "stopped", "queued"]
    assert [(m.to, m.sender) for m in await store.messages()] == [("b", "ab"), ("ab", "b")]
    assert await store.body(message(1).id) == BODY
    loaded = await store.load()
    assert {(one.key, one.peer) for one in loaded.intents} == {
        ("notice:a", "b"),
        ("notice:late", "b"),
        ("notice:ab", "ab"),
    }


def elsewhere(name: str) -> Peer:
    return replace(peer(name), settings=Settings("/", REMOTE), former=("c",))


async def test_a_peer_of_another_host_gives_way_and_what_waits_for_it_stays(store: Store) -> None:
    await filled(store)
    work = Intent("forward:3", "forward", "a@venus", 203.0)
    await store.commit(Batch(203.0, (c.SavePeer(elsewhere("a@venus")),), intents=(work,)))
    await store.commit(mail(message(3, "a@venus")))
    left = replace(elsewhere("a@venus"), former=("c", "a"))
    await store.commit(Batch(300.0, (c.Rename("a", "a@venus", 100.0), c.SavePeer(left))))
    here, _ = await store.peers()
    assert here.peer == left
    assert [m.id for m in here.messages] == [message(1).id, message(3).id]
    assert {one.key for one in (await store.load()).intents if one.peer == "a@venus"} == {
        "notice:a",
        "forward:3",
    }
    assert [one.session for one in await store.deaths("a@venus")] == ["a-1"]


async def test_of_two_peers_that_left_one_after_the_other_the_later_one_has_the_past(store: Store) -> None:
    """Of two sessions of one number the earlier one goes."""
    for at in (200.0, 300.0):
        for number in (1, 2) if at < 300.0 else (1,):
            life = replace(session("a", number), id=f"{at:g}-{number}")
            await store.commit(Batch(at, (c.SavePeer(peer("a")), c.SaveSession(life))))
            await store.commit(Batch(at, (c.CloseSession(death(life)),)))
        leaves = (c.Rename("a", "a@venus", at), c.SavePeer(elsewhere("a@venus")))
        await store.commit(Batch(at + 1.0, leaves))
    assert [one.session for one in await store.deaths("a@venus")] == ["200-2", "300-1"]
    assert await store.closed(["200-1", "200-2", "300-1"]) == {"200-2", "300-1"}


async def test_no_peer_of_this_host_gives_way(store: Store) -> None:
    await filled(store)
    with pytest.raises(BatchError):
        await store.commit(Batch(300.0, (c.Rename("a", "ab", 100.0),)))
    assert [state.peer.name for state in await store.peers()] == ["a", "ab"]
    assert [one.session for one in await store.deaths("ab")] == ["ab-1"]


async def test_a_renamed_peer_lives_on_under_its_name_in_the_same_batch(store: Store) -> None:
    await filled(store)
    again = session("b", 2)
    await store.commit(Batch(300.0, (c.Rename("a", "b", 100.0), c.SavePeer(peer("b")), c.SaveSession(again))))
    (_, found) = await store.peers()
    assert found.session == again
    assert [m.id for m in found.messages] == [message(1).id]
