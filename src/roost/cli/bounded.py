"""Looks that may hang on a disk which does not answer: side by side, each with a bound."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def side_by_side(looks: Sequence[Callable[[], Iterable[T]]], seconds: float) -> list[list[T] | None]:
    """What each look found; None for one that has not come to its end within `seconds`.

    It is left to itself, in a thread that does not keep the process. Raises what a look raises.
    """
    found: list[list[T] | None] = [None] * len(looks)
    failed: list[Exception] = []

    def run(index: int) -> None:
        try:
            found[index] = list(looks[index]())
        except Exception as error:  # noqa: BLE001 -- it is the caller's
            failed.append(error)

    threads = [threading.Thread(target=run, args=(index,), daemon=True) for index in range(len(looks))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(deadline - time.monotonic(), 0.0))
    if failed:
        raise failed[0]
    return found
