"""The daemon with a store that refuses new messages to the peer that the file `ROOST_REFUSED` names."""

import os
import sys
from pathlib import Path

from roost.core.vocabulary.commands import SaveMessage
from roost.daemon.__main__ import main
from roost.errors import StoreError
from roost.store.interfaces import Batch
from roost.store.records import JournalRow
from roost.store.sqlite import SqliteStore

if __name__ == "__main__":
    refused = Path(os.environ["ROOST_REFUSED"])
    store = SqliteStore.commit

    async def commit(self: SqliteStore, batch: Batch) -> tuple[JournalRow, ...]:
        new = {
            c.message.to for c in batch.changes if isinstance(c, SaveMessage) and c.message.id in batch.bodies
        }
        if refused.exists() and refused.read_text() in new:
            raise StoreError("the disk is full; nothing was stored")
        return await store(self, batch)

    SqliteStore.commit = commit
    sys.exit(main())
