"""The process that runs commands for callers at the native door: started beside the daemon, ended with it."""

import asyncio
import contextlib
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from roost.daemon.state.threads import Threads
from roost.host.child_group import start_group
from roost.host.interfaces.clock import Clock

SWITCH = "ROOST_DOOR"
"""Set in the environment of a daemon: it keeps no such process; in that of a command: it asks none."""
FIRST, LONGEST = 1.0, 300.0
"""Seconds until one that has ended is started again; twice as many each time, up to the longest."""
LEAVE = 5.0
"""Seconds for one to be gone once it is killed."""

_log = logging.getLogger("roost.door")


class Door:
    """Keeps one such process. Nobody waits for it: without it each command is a Python of its own."""

    def __init__(self, run: Path, environ: Mapping[str, str], threads: Threads, clock: Clock) -> None:
        """In the folder of the sockets; `environ`: what the daemon took from its starter."""
        self._command = [sys.executable, "-P", "-m", "roost.cli.door", str(run)]
        kept = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
        self._environ = {**kept, "LC_ALL": "C.UTF-8"}
        self._on = sys.platform == "linux" and SWITCH not in environ
        self._threads = threads
        self._clock = clock

    async def run(self) -> None:
        """Keep it until cancelled."""
        pause = FIRST
        while self._on:
            began = self._clock.monotonic()
            try:
                ended = await self._once()
            except OSError as error:
                ended = str(error)
            if self._clock.monotonic() - began > LONGEST:
                pause = FIRST
            _log.info("the process of the native door has ended (%s); it is started again", ended)
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST)

    async def _once(self) -> str:
        """Start it and return when it has ended, with how it did."""
        starting = asyncio.ensure_future(  # noqa: TID251 -- it is awaited below, however this ends
            self._threads.run(start_group, self._command, self._environ, errors=False)
        )
        try:
            return f"exit code {await self._ended(await asyncio.shield(starting))}"
        finally:
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(LEAVE):
                    child = await starting
                    child.kill()
                    await self._ended(child)
                    if child.stdin is not None:  # it is killed by this, too, should we not come to do it
                        child.stdin.close()

    async def _ended(self, child: subprocess.Popen[bytes]) -> int | None:
        if child.poll() is not None:
            return child.returncode
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        handle = os.pidfd_open(child.pid)
        loop.add_reader(handle, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(handle)
            os.close(handle)
        return child.poll()
