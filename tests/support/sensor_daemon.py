"""The daemon with senses that fail on order.

`ROOST_SENSORS` names a file with words; while a word stands there, that sense fails: `tmux-errors` (it
refuses all), `tmux-empty` (answers nothing), `proc` (no process table), `store` (takes nothing), `threads`
(none is left, as where a limit of processes is reached).
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from roost.daemon.__main__ import main
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.record_reader import RecordReader
from roost.errors import StoreError
from roost.host import process_linux
from roost.host.errors import SensorError, TmuxError
from roost.host.interfaces.terminals import Frame
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
from roost.store.sqlite import SqliteStore

ORDER = Path(os.environ["ROOST_SENSORS"])


def failing(word: str) -> bool:
    """Whether this sense fails now."""
    try:
        return word in ORDER.read_text().split()
    except OSError:
        return False


def fail(owner: Any, names: str, word: str, error: Callable[[], Exception]) -> None:  # noqa: ANN401
    """While `word` stands in the order, these functions raise."""
    for name in names.split():
        original = getattr(owner, name)

        def spoiled(*args: Any, original: Callable[..., Any] = original, **kwargs: Any) -> Any:  # noqa: ANN401
            if failing(word):
                raise error()
            return original(*args, **kwargs)

        setattr(owner, name, spoiled)


def empty() -> None:
    """While tmux answers nothing, a look at a terminal shows no text."""
    original = TmuxTerminal.look

    async def spoiled(*args: Any, **kwargs: Any) -> Frame:  # noqa: ANN401
        frame = await original(*args, **kwargs)
        return replace(frame, text="", title="") if failing("tmux-empty") else frame

    setattr(TmuxTerminal, "look", spoiled)  # noqa: B010 -- as the others


if __name__ == "__main__":
    fail(
        TmuxTerminal,
        "capture look clients last_input keys paste ping",
        "tmux-errors",
        lambda: TmuxError("tmux refuses"),
    )
    fail(TmuxTerminals, "adopt", "tmux-errors", lambda: TmuxError("tmux refuses"))
    fail(process_linux, "row rows boot_id", "proc", lambda: SensorError("/proc cannot be read"))
    fail(RecordReader, "_read", "threads", lambda: RuntimeError("can't start new thread"))
    fail(Launcher, "_plan", "threads", lambda: RuntimeError("can't start new thread"))
    fail(SqliteStore, "commit", "store", lambda: StoreError("the disk is full; nothing was stored"))
    empty()
    sys.exit(main())
