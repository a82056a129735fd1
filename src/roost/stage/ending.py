"""What a stage has started ends with its program, whatever ends that: Ctrl-C, SIGTERM, a closed terminal."""

import signal
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

_ASKED = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def terminable() -> Generator[None]:
    """SIGTERM and SIGHUP raise SystemExit, so that all is cleaned up as after Ctrl-C.

    What is ignored, as a hang-up is under `nohup`, stays so.
    """

    def leave(number: int, _frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    with _handled({number: leave for number in _ASKED if signal.getsignal(number) is not signal.SIG_IGN}):
        yield


@contextmanager
def undisturbed() -> Generator[None]:
    """Cleaning up is short and must not be cut off by a second signal."""
    with _handled(dict.fromkeys((signal.SIGINT, *_ASKED), signal.SIG_IGN)):
        yield


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Any]) -> Generator[None]:
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
