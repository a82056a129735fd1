"""Who sent or was sent messages of a topic is found by the messages, as they are stored."""

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Notice
from roost.store.interfaces import Batch, Store
from tests.support.store_samples import Box, mail, message, peer


async def test_parties_are_told_in_their_order_with_their_latest(box: Box) -> None:
    peers = tuple(c.SavePeer(peer(name)) for name in ("worker", "boss"))
    await box.store.commit(Batch(100.0, peers))
    rows = [
        message(1, to="worker", sender="zoe", topic="t", created_at=10.0),
        message(2, to="boss", sender="worker", topic="t", created_at=30.0),
        message(3, to="worker", sender="zoe", topic="t", created_at=20.0),
        message(4, to="worker", sender="eve", topic="other"),
        message(5, to="worker", sender="adam"),
        message(6, to="worker", sender="roost", topic="t", notice=Notice("x", "waits", "why")),
    ]
    await box.store.commit(mail(*rows))
    found = await (await box.reopen()).parties("t")
    assert list(found.items()) == [("zoe", 20.0), ("worker", 30.0), ("boss", 30.0)]
    assert await box.store.parties("T") == {}


async def test_a_party_is_called_by_its_name_of_now(store: Store) -> None:
    await store.commit(Batch(100.0, (c.SavePeer(peer("worker")),)))
    row = message(1, to="worker", sender="worker", topic="t", created_at=200.0)
    await store.commit(mail(row))
    renamed = replace(peer("worker"), name="smith")
    await store.commit(Batch(201.0, (c.Rename("worker", "smith", 100.0), c.SavePeer(renamed))))
    assert await store.parties("t") == {"smith": 200.0}
