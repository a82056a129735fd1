"""The daemon on a machine that fails now and then: a full disk, a mute tmux, an unreadable process table.

`ROOST_FAULTS` names a file; while it is there, each call below fails with the share of cases that it holds.
"""

import errno
import os
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from roost.daemon.__main__ import main
from roost.daemon.death.reaper import Reaper
from roost.daemon.effects import offers
from roost.errors import StoreError
from roost.host.errors import PasteRefused, SensorError, TmuxError, TmuxTimeout
from roost.host.files import Tail
from roost.host.process import SystemProcesses
from roost.host.spool import Spool
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
from roost.store.sqlite import SqliteStore

Method = Callable[..., Any]


class Faults:
    """Fails calls, by chance."""

    def __init__(self, order: Path) -> None:
        self._order = order
        self._chance = random.Random()  # noqa: S311 -- bad luck is no secret

    def strike(self, error: Callable[[], Exception], share: float) -> None:
        """Fail now, perhaps."""
        try:
            most = float(self._order.read_text())
        except (OSError, ValueError):
            return
        if self._chance.random() < most * share:
            raise error()

    def spoil(self, owner: Any, name: str, error: Callable[[], Exception], share: float = 1.0) -> None:  # noqa: ANN401
        """Make a method fail at times, before it does anything."""
        original: Method = getattr(owner, name)

        def spoiled(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- stands in for any method
            self.strike(error, share)
            return original(*args, **kwargs)

        setattr(owner, name, spoiled)


def full() -> OSError:
    """A disk without room."""
    return OSError(errno.ENOSPC, "No space left on device", "/full")


def refused() -> StoreError:
    """A store without room."""
    return StoreError("the disk is full; nothing was stored")


if __name__ == "__main__":
    faults = Faults(Path(os.environ["ROOST_FAULTS"]))
    faults.spoil(SqliteStore, "commit", refused)
    faults.spoil(TmuxTerminal, "paste", lambda: TmuxTimeout("tmux is mute"))
    faults.spoil(TmuxTerminal, "paste", lambda: PasteRefused("no room for the text"))
    faults.spoil(TmuxTerminal, "keys", lambda: TmuxError("tmux refuses"))
    faults.spoil(TmuxTerminal, "capture", lambda: TmuxError("tmux refuses"), 0.2)
    faults.spoil(TmuxTerminal, "clients", lambda: TmuxError("tmux refuses"))
    faults.spoil(TmuxTerminals, "start", lambda: TmuxError("tmux does not start"))
    faults.spoil(TmuxTerminals, "adopt", lambda: TmuxError("tmux refuses"))
    faults.spoil(SystemProcesses, "watch", lambda: SensorError("no handle"), 0.5)
    faults.spoil(SystemProcesses, "tree", lambda: SensorError("the process table is unreadable"))
    faults.spoil(SystemProcesses, "signal", lambda: SensorError("no handle"))
    faults.spoil(Spool, "read", full)
    faults.spoil(Tail, "read", full, 0.1)
    faults.spoil(Reaper, "_clean", full)
    faults.spoil(offers, "message_text", full, 0.5)
    sys.exit(main())
