"""Keeps the pane logs going: they are written beside the tmux servers, daemon or no daemon."""

import asyncio
import logging
import os
from pathlib import Path

from roost.daemon.live import Live, Lives
from roost.daemon.machine import Machine
from roost.errors import RoostError
from roost.host.files import PRIVATE_FILE, ensure_private_directory

EVERY = 5.0
"""Seconds between two passes."""
HISTORY = 2000
"""Lines above the screen that begin a log whose file was removed."""

_log = logging.getLogger("roost.panes")


class PaneLogs:
    """Looks after the logs of live sessions."""

    def __init__(self, machine: Machine, lives: Lives) -> None:
        """Bound each to the size of the configuration's logs."""
        self._machine = machine
        self._lives = lives
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.mend()
            await self._machine.clock.sleep(EVERY)

    async def mend(self) -> None:
        """Begin the logs anew that are missing, or that nobody writes: what is shown is in there, too."""
        lives = list(self._lives)
        missing = await asyncio.to_thread(_missing, [self._path(live) for live in lives])
        for live in lives:
            path = self._path(live)
            unwritten = live.frame is not None and not live.frame.logged
            if path in missing or unwritten:
                await self._try(live, path, path in missing)

    async def _try(self, live: Live, path: Path, missing: bool) -> None:  # noqa: FBT001 -- a fact
        """Begin a log; that it cannot be done is said once."""
        try:
            await self._begin(live, path, missing)
        except (RoostError, OSError) as error:
            if live.session.id not in self._failing:
                _log.warning("the terminal of %s is not logged now: %s", live.peer, error)
            self._failing.add(live.session.id)
        else:
            self._failing.discard(live.session.id)

    async def _begin(self, live: Live, path: Path, missing: bool) -> None:  # noqa: FBT001 -- a fact
        if missing:
            shown = await live.terminal.capture(escapes=True, history=HISTORY)
            await asyncio.to_thread(_write, path, f"{shown.rstrip()}\n".encode(errors="replace"))
        await live.terminal.log_to(path, self._machine.config.log_size)
        live.poke.set()

    def _path(self, live: Live) -> Path:
        return live.log or self._machine.places.pane_log(live.peer)


def _missing(paths: list[Path]) -> frozenset[Path]:
    """Blocking."""
    return frozenset(path for path in paths if not path.exists())


def _write(path: Path, shown: bytes) -> None:
    """Blocking: a log that begins with what was shown before. Raises OSError."""
    ensure_private_directory(path.parent)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb") as file:
        file.write(shown)
