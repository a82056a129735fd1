"""The waits before answers, which a test can end."""

import asyncio
import contextlib


class Delays:
    """`@@delay SECONDS@@` waits for so long, or until `end`. Safe to use from several threads."""

    def __init__(self) -> None:
        """Each is waited for."""
        self._over: bool = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waits: set[asyncio.Event] = set()

    async def wait(self, seconds: float) -> None:
        """Wait; in the server's own loop."""
        ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._waits.add(ended)
        try:
            if not self._over:
                with contextlib.suppress(TimeoutError):
                    _ = await asyncio.wait_for(ended.wait(), seconds)
        finally:
            self._waits.discard(ended)

    def end(self) -> None:
        """End all that are under way; none is waited for any more."""
        self._over = True
        if self._loop is not None:
            _ = self._loop.call_soon_threadsafe(self._end_all)

    def begin(self) -> None:
        """Each that comes from now on is waited for again."""
        self._over = False

    def _end_all(self) -> None:
        for ended in self._waits:
            ended.set()
