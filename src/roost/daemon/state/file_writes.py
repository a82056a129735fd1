"""Judges which files two peers write: one write after another, each by what the last one has left."""

import logging
import os

from msgspec.structs import replace

from roost.core.file_watches import written
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.watch import Write
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lanes import AGAIN
from roost.daemon.state.threads import Threads
from roost.errors import RoostError, StoreError
from roost.host.interfaces.clock import Clock

_log = logging.getLogger("roost.watches")


class FileWrites:
    """Takes what sessions have shown to be written, as long as somebody watches files."""

    def __init__(self, fleet: Fleet, clock: Clock, threads: Threads) -> None:
        """Real paths are looked up in these threads."""
        self._fleet = fleet
        self._clock = clock
        self._threads = threads

    async def run(self) -> None:
        """Judge them for ever; one that cannot be stored now is judged again."""
        watches = self._fleet.watches
        while True:
            watches.written.clear()
            while watches.writes:
                write = watches.writes.popleft()
                try:
                    real = await self._threads.run(os.path.realpath, write.path)
                    await self._judge(replace(write, path=real))
                except StoreError as error:
                    _log.warning("a written file is not judged yet: %s", error.message)
                    watches.writes.appendleft(write)
                    await self._clock.sleep(AGAIN)
                except (RoostError, OSError, ValueError) as error:
                    _log.warning("a written file cannot be judged: %s", error)
            await watches.written.wait()

    async def _judge(self, write: Write) -> None:
        def decide(now: float) -> list[c.Command]:
            watches = self._fleet.watches.of_files()
            return [command for watch in watches for command in written(watch, write, now)]

        await self._fleet.enact(decide)
