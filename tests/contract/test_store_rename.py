"""A rename moves all that is keyed to the name in one batch, and nothing of its namesakes (P11)."""

from roost.core.vocabulary import commands as c
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


async def test_a_renamed_peer_lives_on_under_its_name_in_the_same_batch(store: Store) -> None:
    await filled(store)
    again = session("b", 2)
    await store.commit(Batch(300.0, (c.Rename("a", "b", 100.0), c.SavePeer(peer("b")), c.SaveSession(again))))
    (_, found) = await store.peers()
    assert found.session == again
    assert [m.id for m in found.messages] == [message(1).id]
