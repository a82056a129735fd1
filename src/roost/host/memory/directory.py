"""What hosts of one process see alike. `cut`: hosts that cannot reach it now."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping

from roost.host.errors import CarrierGone


class MemoryBoard:
    """The values of all hosts."""

    def __init__(self) -> None:
        """Begin with none."""
        self.values: dict[str, tuple[int, bytes]] = {}
        self.cut: set[str] = set()
        self.news = asyncio.Condition()
        self.number = 0

    def directory(self, host: str) -> "MemoryDirectory":
        """One host's way to it."""
        return MemoryDirectory(self, host)

    async def tell(self) -> None:
        """Something has changed: whoever follows looks again."""
        async with self.news:
            self.news.notify_all()


class MemoryDirectory:
    """One host's way to a board."""

    def __init__(self, board: MemoryBoard, host: str) -> None:
        """Read and write as this host."""
        self._board = board
        self._host = host

    async def put(self, key: str, value: bytes) -> None:
        """See Directory."""
        self._check()
        self._board.number += 1
        self._board.values[key] = self._board.number, value
        await self._board.tell()

    async def follow(self) -> AsyncGenerator[Mapping[str, bytes], None]:
        """See Directory."""
        seen = -1
        while True:
            self._check()
            changed = {key: value for key, (number, value) in self._board.values.items() if number > seen}
            if changed or seen < 0:
                seen = self._board.number
                yield changed
            async with self._board.news:
                await self._board.news.wait_for(self._changed(seen))

    def _check(self) -> None:
        if self._host in self._board.cut:
            raise CarrierGone

    def _changed(self, seen: int) -> Callable[[], bool]:
        return lambda: self._board.number > seen or self._host in self._board.cut
