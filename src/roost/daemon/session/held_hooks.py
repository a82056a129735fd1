"""The hooks of one session that are held open: its program asks by them, and takes what they answer.

The program shows its dialog all the same. When that is gone, somebody has answered it there, and the hook is
let go of without a decision, as it is when nobody has answered in time.
"""

import asyncio
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from roost.core.vocabulary.question import Asking
from roost.core.vocabulary.session import SessionState
from roost.runtimes.hook import HookAsks
from roost.runtimes.view import Reading

SHOWS = 5.0
"""Seconds for a program to show the dialog of a hook, until one that is not seen is let go of."""
CLOSES = 2.0
"""Seconds for its dialog to go away after an answer: what stands there then is asked no more."""
MOST = 8
"""Hooks that are held open at a time."""
_NOTHING: Mapping[str, Any] = {}


class _Held(Struct):
    """One hook. `shown`: its dialog was seen; `since`: monotonic seconds."""

    asks: HookAsks
    since: float
    answer: "asyncio.Future[Mapping[str, Any]]"
    shown: bool = False


class HeldHooks:
    """Those of one live session, by the names of their requests, the eldest first."""

    def __init__(self) -> None:
        """None is held."""
        self._held: dict[str, _Held] = {}
        self._answered: float | None = None

    async def hold(self, asks: HookAsks) -> Mapping[str, Any]:
        """Wait for an answer, and return what the hook is to answer: nothing, where nobody has decided."""
        if len(self._held) >= MOST:
            return _NOTHING
        loop, name = asyncio.get_running_loop(), uuid4().hex
        known = replace(asks, asking=replace(asks.asking, request=name))
        held = self._held[name] = _Held(known, loop.time(), loop.create_future())
        try:
            async with asyncio.timeout(asks.seconds):
                return await held.answer
        except TimeoutError:
            return _NOTHING
        finally:
            self._held.pop(name, None)

    def answer(self, request: str, option: str, text: str) -> bool:
        """Have a hook answer; False: that one is not held."""
        held = self._held.pop(request, None)
        if held is None or held.answer.done():
            return False
        self._answered = asyncio.get_running_loop().time()
        held.answer.set_result(held.asks.reply(option, text))
        return True

    def judge(self, reading: Reading | None) -> Reading | None:
        """What is asked, by a look at the session: its dialog is open, or is gone."""
        if reading is None or (not self._held and self._answered is None):
            return reading
        now = asyncio.get_running_loop().time()
        if reading.state is SessionState.BLOCKED:
            for held in self._held.values():
                held.shown = True
            if self._held:
                return replace(reading, asks=self._asks())
            closing = self._answered is not None and now - self._answered < CLOSES
            return replace(reading, asks=None) if closing else reading
        self._answered = None
        for name, held in list(self._held.items()):
            if held.shown or now - held.since >= SHOWS:
                self._release(name)
        return reading

    def _asks(self) -> tuple[Asking, ...]:
        return tuple(held.asks.asking for held in self._held.values())

    def release(self) -> None:
        """Let go of all: their program goes on as if there were no hook."""
        for name in list(self._held):
            self._release(name)

    def _release(self, name: str) -> None:
        held = self._held.pop(name)
        if not held.answer.done():
            held.answer.set_result(_NOTHING)
