"""Keeps the pane logs going: they are written beside the tmux servers, daemon or no daemon."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError, HungError
from roost.errors import RoostError
from roost.host.files import PRIVATE_FILE, ensure_private_directory

EVERY = 2.0
"""Seconds between two passes."""
HISTORY = 1000
"""Lines above the screen that begin a log that is missing or empty."""

_log = logging.getLogger("roost.panes")


class PaneLogs:
    """Looks after the logs of live sessions."""

    def __init__(self, machine: Machine, live_sessions: LiveSessions) -> None:
        """Bound each to the size of the configuration's logs."""
        self._machine = machine
        self._live_sessions = live_sessions
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            with suppress(HungError, BusyError):  # a log disk that does not answer now may do so later
                await self.mend()
            await self._machine.clock.sleep(EVERY)

    async def mend(self) -> None:
        """Begin the logs anew that hold nothing or that nobody writes; what hinders it is said once."""
        live_sessions = [
            (live, self._path(live)) for live in self._live_sessions if live.shown_in is not None
        ]
        sizes = await self._machine.work.files.run(_sizes, [path for _, path in live_sessions])
        for (live, path), size in zip(live_sessions, sizes, strict=True):
            try:
                await self._mend(live, path, size)
            except (RoostError, OSError) as error:
                if live.session.id not in self._failing:
                    _log.warning("the terminal of %s is not logged now: %s", live.peer, error)
                self._failing.add(live.session.id)
            else:
                self._failing.discard(live.session.id)

    async def _mend(self, live: LiveSession, path: Path, size: int | None) -> None:
        frame, bound = live.frame, self._machine.config.log_size
        if not size and frame is not None and frame.text.strip():
            shown = (await live.terminal.capture(escapes=True, history=HISTORY)).strip()
            last = f"{shown}\n".encode(errors="replace")[-(bound // 2) :]
            await self._machine.work.files.run(_append, path, last)
        if size is None or (frame is not None and not frame.logged):
            await live.terminal.log_to(path, bound)
            live.poke.set()

    def _path(self, live: LiveSession) -> Path:
        return live.log or self._machine.places.pane_log(live.peer)


def _sizes(paths: list[Path]) -> list[int | None]:
    """Blocking: their sizes in bytes, None for those that are missing."""
    return [_size(path) for path in paths]


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _append(path: Path, shown: bytes) -> None:
    """Blocking. Raises OSError."""
    ensure_private_directory(path.parent)
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, PRIVATE_FILE), "wb") as file:
        file.write(shown)
