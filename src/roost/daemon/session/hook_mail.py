"""The message that waits for a hook of its session to ask for it; one at a time, and one hook gets it.

The offer was committed before its text is put here. So whatever becomes of the hook's answer (a hook that is
killed, a connection that breaks, a daemon that ends), nobody gives it again before it was looked for.
"""

import asyncio

from msgspec import Struct, field


class Parcel(Struct):
    """One offer's text. `anytime`: within a turn, too, and not at its end alone."""

    text: str
    anytime: bool
    taken: asyncio.Event = field(default_factory=asyncio.Event)


class HookMail:
    """What waits for the hooks of one live session."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._parcel: Parcel | None = None
        self._put = asyncio.Event()

    def put(self, parcel: Parcel) -> None:
        """Have the next fitting hook take this."""
        self._parcel = parcel
        self._put.set()
        self._put = asyncio.Event()

    def withdraw(self, parcel: Parcel) -> None:
        """No hook takes it from now on; one that has taken it has it."""
        if self._parcel is parcel:
            self._parcel = None

    def take(self, *, ends: bool) -> str | None:
        """What a hook is given; `ends`: it tells of the end of a turn."""
        parcel = self._parcel
        if parcel is None or not (ends or parcel.anytime):
            return None
        self._parcel = None
        parcel.taken.set()
        return parcel.text

    async def wait(self, *, ends: bool, seconds: float) -> str | None:
        """Take what waits, or what is put within so many seconds."""
        deadline = asyncio.get_running_loop().time() + seconds
        while (text := self.take(ends=ends)) is None:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(left):
                    await self._put.wait()
            except TimeoutError:
                return None
        return text
