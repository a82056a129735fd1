"""The daemon as a test's victim: it SIGKILLs itself at the N-th step after a message has come in.

`ROOST_CRASH` names a file. When it holds a number as a commit with a message's body begins, the file is taken
away and that many steps are counted from there; `ROOST_CRASH_STEPS` names a file that gets a line for each. A
step is one side of a commit, of a launch, of a load into tmux, of a paste, of a key.
"""

import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from roost.daemon.__main__ import main
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore

Method = Callable[..., Coroutine[Any, Any, Any]]


class Countdown:
    """Steps left until the end; None: nothing is counted."""

    def __init__(self, order: Path, steps: Path) -> None:
        self._order = order
        self._steps = steps
        self._left: int | None = None

    def arm(self) -> None:
        """Take the order, if there is one."""
        if self._left is None and self._order.exists():
            self._left = int(self._order.read_text())
            self._order.unlink()

    def step(self, name: str) -> None:
        """One step; the last one ends this process at once."""
        if self._left is None:
            return
        with self._steps.open("a") as file:
            file.write(name + "\n")
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def wrap(owner: type, name: str, countdown: Countdown) -> None:
    """Make both sides of a method steps."""
    original: Method = getattr(owner, name)

    async def wrapped(self: object, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- stands in for any method
        if args and isinstance(args[0], Batch):
            if args[0].bodies:
                countdown.arm()
            what = f"{name} {' '.join(row.kind for row in args[0].journal)}"
        else:
            what = name
        countdown.step(f"before {what}")
        result = await original(self, *args, **kwargs)
        countdown.step(f"after {what}")
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    counting = Countdown(Path(os.environ["ROOST_CRASH"]), Path(os.environ["ROOST_CRASH_STEPS"]))
    for owner, name in (
        (SqliteStore, "commit"),
        (TmuxTerminals, "start"),
        (TmuxTerminal, "_load"),
        (TmuxTerminal, "paste"),
        (TmuxTerminal, "keys"),
    ):
        wrap(owner, name, counting)
    sys.exit(main())
