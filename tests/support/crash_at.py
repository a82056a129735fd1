"""The daemon as a test's victim: it SIGKILLs itself at a named step after a message has come in.

`ROOST_CRASH` names a file. When it holds a step's name as a commit with a message's body begins, the file is
taken away and the daemon ends at that step: `after paste`, `before keys`, `after commit offered` (one commit
may hold several journal rows: any of their kinds will do).
"""

import os
import signal
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from roost.daemon.__main__ import main
from roost.host.tmux.terminal import TmuxTerminal
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore

Method = Callable[..., Coroutine[Any, Any, Any]]


class Order:
    """The step to die at, once the order has been taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._wanted: frozenset[str] | None = None

    def take(self) -> None:
        """Take the order, if there is one."""
        if self._wanted is None and self._path.exists():
            self._wanted = frozenset(self._path.read_text().split())
            self._path.unlink()

    def step(self, name: str) -> None:
        """End this process at once if this is the step."""
        if self._wanted is not None and self._wanted <= frozenset(name.split()):
            os.kill(os.getpid(), signal.SIGKILL)


def watch(owner: type, name: str, order: Order) -> None:
    """Make both sides of a method steps."""
    original: Method = getattr(owner, name)

    async def watched(self: object, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- stands in for any method
        what = name
        if args and isinstance(args[0], Batch):
            if args[0].bodies:
                order.take()
            what = f"{name} {' '.join(row.kind for row in args[0].journal)}"
        order.step(f"before {what}")
        result = await original(self, *args, **kwargs)
        order.step(f"after {what}")
        return result

    setattr(owner, name, watched)


if __name__ == "__main__":
    taken = Order(Path(os.environ["ROOST_CRASH"]))
    watch(SqliteStore, "commit", taken)
    for method in ("_load", "paste", "keys"):
        watch(TmuxTerminal, method, taken)
    sys.exit(main())
