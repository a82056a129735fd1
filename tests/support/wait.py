"""Waiting for a condition with a deadline. Tests never sleep; these two do the waiting for them."""

import asyncio
import select
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar, cast

T = TypeVar("T")

_FIRST_PAUSE = 0.001
_LONGEST_PAUSE = 0.05
_LATER_PAUSES = (0.15, 0.2)
"""The share of the time waited so far, and the bound in seconds: an answer of a daemon costs up to 3 ms."""


class NeverHappenedError(AssertionError):
    """The condition did not come true before the deadline."""


def wait_until(
    predicate: Callable[[], T], *, timeout: float, why: str, describe: Callable[[], object] | None = None
) -> T:
    """Return the first true value of `predicate`, asked again and again for at most `timeout` seconds.

    `why` says what is awaited; `describe` adds what there was instead. Raises NeverHappenedError.
    """
    begun = time.monotonic()
    pause = _FIRST_PAUSE
    while True:
        if value := predicate():
            return value
        waited = time.monotonic() - begun
        if waited >= timeout:
            raise NeverHappenedError(_message(timeout, why, describe))
        select.select([], [], [], pause)
        pause = _next_pause(pause, waited)


async def eventually(
    predicate: Callable[[], T | Awaitable[T]],
    *,
    timeout: float,
    why: str,
    describe: Callable[[], object] | None = None,
) -> T:
    """As wait_until, leaving the event loop free; `predicate` may be a coroutine function."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    pause = _FIRST_PAUSE
    while True:
        answer = predicate()
        value = await cast("Awaitable[T]", answer) if isawaitable(answer) else cast("T", answer)
        if value:
            return value
        waited = loop.time() - begun
        if waited >= timeout:
            raise NeverHappenedError(_message(timeout, why, describe))
        await asyncio.wait([loop.create_future()], timeout=pause)
        pause = _next_pause(pause, waited)


def _next_pause(pause: float, waited: float) -> float:
    share, bound = _LATER_PAUSES
    return max(min(pause * 2, _LONGEST_PAUSE), min(waited * share, bound))


def _message(timeout: float, why: str, describe: Callable[[], object] | None) -> str:
    found = f"; instead: {describe()}" if describe else ""
    return f"not within {timeout:g} s: {why}{found}"
