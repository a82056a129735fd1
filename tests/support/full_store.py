"""A store whose disk is full at times."""

from roost.errors import StoreError
from roost.store.interfaces import Batch, JournalRow
from roost.store.memory import MemoryStore


class FullStore(MemoryStore):
    """While it is `full`, it refuses every commit."""

    full = False

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        if self.full:
            raise StoreError("the disk is full")
        return await super().commit(batch)
