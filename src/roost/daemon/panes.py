"""Bounds the pane logs: tmux appends to them for as long as a session lives, daemon or no daemon."""

import shutil
from pathlib import Path

from roost.daemon.live import Lives
from roost.daemon.machine import Machine

EVERY = 60.0
"""Seconds between two looks at the sizes."""


class PaneLogs:
    """Trims the logs of live sessions."""

    def __init__(self, machine: Machine, lives: Lives) -> None:
        """Trim to the size of the configuration's logs."""
        self._machine = machine
        self._lives = lives

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self._machine.clock.sleep(EVERY)
            for live in self._lives:
                path = live.log or self._machine.places.pane_log(live.peer)
                await self._machine.work.files.run(trim, path, self._machine.config.log_size)


def trim(path: Path, size: int) -> None:
    """Blocking: move the content of a log above `size` bytes to `<name>.1` and empty it in place.

    The writer appends, so it goes on at the start; what it writes in between is lost.
    """
    try:
        if path.stat().st_size > size:
            shutil.copyfile(path, path.with_suffix(".log.1"))
            with path.open("r+b") as log:
                log.truncate(0)
    except FileNotFoundError:
        return
