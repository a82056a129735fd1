"""The daemon as a test's victim: a signal is sent at a step after an order.

`ROOST_CRASH` names a file with an order, a JSON object (tests/support/victim.py writes it). `step` is a
number, or words of the step's name: `after paste`, `after commit offered` (one commit may hold several
journal rows: any of their kinds will do). `pid` gets `signal`, the daemon itself without it. With `body`
the steps are counted from the next commit that holds a message's body, or, with `skip`, from a later one of
them, else from the next commit. The file is taken away as the count begins. `ROOST_CRASH_STEPS` names a
file that gets a line for each step. A step is one side of a commit, a launch, a load into tmux, a paste, a
key, a call, the end of a terminal, a signal.
"""

import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from roost.core.vocabulary.identity import ProcessId
from roost.daemon.__main__ import main
from roost.host.process import SystemProcesses
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
from roost.runtimes.acp_call import AcpCall
from roost.runtimes.codex_server.connection import Connection
from roost.runtimes.opencode_api import Api
from roost.runtimes.opencode_call import OpencodeCall
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore

Method = Callable[..., Coroutine[Any, Any, Any]]


class Countdown:
    """Steps since an order was taken; without one nothing is counted."""

    def __init__(self, order: Path, steps: Path) -> None:
        self._order = order
        self._steps = steps
        self._taken: dict[str, Any] | None = None
        self._count = 0
        self._passed = 0

    def commit(self, batch: Batch) -> None:
        """A commit begins: take the order, if there is one that waits for it."""
        if self._taken is None and self._order.exists():
            order = json.loads(self._order.read_text())
            if order["body"] and not batch.bodies:
                return
            self._passed += 1
            if self._passed > order["skip"]:
                self._passed = self._count = 0
                self._taken = order
                self._order.unlink()

    def step(self, name: str) -> None:
        """One step; the one that was named signals."""
        order = self._taken
        if order is None:
            return
        with self._steps.open("a") as file:
            file.write(name + "\n")
        self._count += 1
        wanted = order["step"]
        if set(wanted.split()) <= set(name.split()) if isinstance(wanted, str) else self._count == wanted:
            self._taken = None
            os.kill(order["pid"] or os.getpid(), order["signal"])


def wrap(owner: type, name: str, countdown: Countdown) -> None:
    """Make both sides of a method steps."""
    original: Method = getattr(owner, name)

    async def wrapped(self: object, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- stands in for any method
        if args and isinstance(args[0], Batch):
            countdown.commit(args[0])
            what = f"{name} {' '.join(row.kind for row in args[0].journal)}"
        else:
            what = name
        countdown.step(f"before {what}")
        result = await original(self, *args, **kwargs)
        countdown.step(f"after {what}")
        return result

    setattr(owner, name, wrapped)


def wrap_signal(countdown: Countdown) -> None:
    """Make both sides of a signal steps."""
    original = SystemProcesses.signal

    def wrapped(self: SystemProcesses, process: ProcessId, signum: int) -> bool:
        countdown.step("before signal")
        result = original(self, process, signum)
        countdown.step("after signal")
        return result

    SystemProcesses.signal = wrapped


if __name__ == "__main__":
    counting = Countdown(Path(os.environ["ROOST_CRASH"]), Path(os.environ["ROOST_CRASH_STEPS"]))
    for owner, name in (
        (SqliteStore, "commit"),
        (Connection, "ask"),
        (TmuxTerminals, "start"),
        (TmuxTerminal, "paste"),
        (TmuxTerminal, "keys"),
        (TmuxTerminal, "kill"),
        (AcpCall, "submit"),
        (AcpCall, "has"),
        (OpencodeCall, "submit"),
        (OpencodeCall, "has"),
        (Api, "post"),
    ):
        wrap(owner, name, counting)
    wrap_signal(counting)
    sys.exit(main())
