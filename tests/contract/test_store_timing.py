"""When a busy recipient gets a message: stored, and learnt by stores that are older than the choice."""

from pathlib import Path

import apsw
from msgspec.structs import replace

from roost.core.vocabulary.commands import SavePeer
from roost.core.vocabulary.message import Timing
from roost.store import rows
from roost.store.database import open_database
from roost.store.interfaces import Batch, Store
from roost.store.reader import Reader
from tests.support.store_samples import mail, message, peer


async def test_the_choice_comes_back_as_it_was(store: Store) -> None:
    chosen = [message(number, timing=timing) for number, timing in enumerate(Timing, 1)]
    await store.commit(Batch(1.0, (SavePeer(peer()),)))
    await store.commit(mail(*chosen))
    await store.commit(mail(message(9)))
    (state,) = await store.peers()
    assert [each.timing for each in state.messages] == [*Timing, Timing.NEXT]


def test_messages_of_an_older_store_wait_for_their_turn(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    old = apsw.Connection(str(path))
    migrations = Path(open_database.__code__.co_filename).parent / "migrations"
    for version in (1, 2):
        old.execute((migrations / f"{version:04}.sql").read_text())
        old.pragma("user_version", version)
    sent = message(1)
    *row, _timing, _origin, message_id = rows.message_row(sent)
    columns = rows.MESSAGE_COLUMNS.replace("timing, origin, ", "")
    old.execute(
        f"INSERT INTO messages ({columns}) VALUES ({', '.join('?' * 20)})",  # noqa: S608 -- constants
        (*row, message_id),
    )
    old.close()
    open_database(path).close()
    reader = Reader(path)
    assert reader.messages() == [replace(sent, timing=Timing.NEXT)]
    reader.close()
