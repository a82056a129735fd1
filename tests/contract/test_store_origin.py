"""Where a message comes from is stored with it; what an older version wrote has no place in a chain."""

from pathlib import Path

import apsw

from roost.core.vocabulary.commands import SavePeer
from roost.core.vocabulary.message import Chain, Origin
from roost.store import rows
from roost.store.database import open_database
from roost.store.interfaces import Batch, Store
from roost.store.reader import Reader
from tests.support.store_samples import mail, message, peer

ORIGINS = [None, Origin(during="a" * 32), Origin(chain=Chain(7, "b" * 32))]


async def test_the_place_in_a_chain_comes_back_as_it_was(store: Store) -> None:
    await store.commit(Batch(1.0, (SavePeer(peer()),)))
    await store.commit(mail(*[message(number, origin=origin) for number, origin in enumerate(ORIGINS, 1)]))
    (state,) = await store.peers()
    assert [each.origin for each in state.messages] == ORIGINS
    assert [each.chain for each in state.messages] == [None, None, Chain(7, "b" * 32)]


def test_an_origin_of_an_older_version_has_none(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    open_database(path).close()
    sent = message(1, origin=Origin(during="a" * 32))
    *row, _origin, message_id = rows.message_row(sent)
    old = apsw.Connection(str(path))
    old.execute(
        f"INSERT INTO messages ({rows.MESSAGE_COLUMNS}) VALUES ({', '.join('?' * 22)})",  # noqa: S608 -- constants
        (*row, '{"caller":null,"during":"' + "a" * 32 + '","turn":null,"answered":null}', message_id),
    )
    old.close()
    reader = Reader(path)
    assert reader.messages() == [sent]
    reader.close()
