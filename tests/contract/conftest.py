"""The stores that the contract is held against."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.store.interfaces import Store
from roost.store.memory import MemoryStore
from roost.store.sqlite import SqliteStore
from tests.support.store_samples import Box, again_in_memory


@pytest.fixture(params=["memory", "sqlite"])
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Box]:
    async def again(store: Store) -> Store:
        await store.close()
        return await SqliteStore.open(tmp_path / "roost.db")

    if request.param == "memory":
        made = Box(MemoryStore(), again_in_memory)
    else:
        made = Box(await SqliteStore.open(tmp_path / "roost.db"), again)
    yield made
    await made.store.close()


@pytest.fixture
def store(box: Box) -> Store:
    return box.store
