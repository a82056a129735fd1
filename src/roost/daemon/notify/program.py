"""A notification to a program: a command of the operator's, or the one that shows it on the desktop."""

import asyncio
import html
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from roost.daemon.notify.failure import NotDeliveredError
from roost.daemon.notify.notification import harmless
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError, HungError
from roost.host.child_group import kill_group, reap, start_group
from roost.host.errors import SensorError

SAID = 256 * 1024
"""Bytes that a program may write to its standard error."""
_TAIL = 300
"""Bytes of it that are kept, to say why it failed."""
_APPLESCRIPT = (
    "on run argv",
    "display notification (item 2 of argv) with title (item 1 of argv)",
    "end run",
)


def desktop_argv(title: str, text: str, platform: str = sys.platform) -> list[str]:
    """What shows it: the words are arguments and never code.

    notify-send 0.8: the text, not the title, is read as markup. osascript: what follows `--` is `argv`.
    """
    if platform == "darwin":
        return ["osascript", *(word for line in _APPLESCRIPT for word in ("-e", line)), "--", title, text]
    return ["notify-send", "--app-name=roost", "--", title, html.escape(text, quote=False)]


async def run_program(
    machine: Machine, argv: Sequence[str], environ: Mapping[str, str], data: bytes, seconds: float
) -> None:
    """Run it with `data` on its stdin; what it leaves in its process group is ended with it.

    Raises NotDeliveredError when it cannot be started, ends with another code than 0, or overstays.
    """
    child = await _started(machine, argv, environ)
    errors = _Errors(child)
    try:
        async with asyncio.timeout(seconds):
            await _fed(child, data)
            await _ended(machine, child)
    except TimeoutError:
        raise NotDeliveredError(f"it did not end within {seconds:g} s and was killed") from None
    finally:
        kill_group(child)
        errors.close()
        if child.stdin is not None:
            with suppress(OSError):
                child.stdin.close()
        ended = asyncio.shield(_reaped(machine, child))
        code = await ended
    if errors.flooded:
        raise NotDeliveredError(f"it wrote more than {SAID} bytes to its standard error and was killed")
    if code != 0:
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        said = harmless(errors.tail.decode(errors="replace"), _TAIL)
        raise NotDeliveredError(f"it failed with {how}" + (f": {said}" if said else ""))


async def _started(
    machine: Machine, argv: Sequence[str], environ: Mapping[str, str]
) -> "subprocess.Popen[bytes]":
    """A program on a disk that hangs holds up one thread. One that is not wanted any more is ended there."""
    unwanted = False

    def start() -> "subprocess.Popen[bytes]":
        child = start_group(argv, environ)
        if unwanted:
            kill_group(child)
            child.wait()
        return child

    try:
        return await machine.work.launches.run_for(f"notify {argv[0]}", start)
    except asyncio.CancelledError:
        unwanted = True
        raise
    except (OSError, ValueError, HungError, BusyError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise NotDeliveredError(f"{argv[0]} cannot be started: {why}") from error


async def _fed(child: "subprocess.Popen[bytes]", data: bytes) -> None:
    """Write all of it, as the program reads; one that does not want to is not made to."""
    assert child.stdin is not None  # noqa: S101 -- it is a pipe
    stdin = child.stdin.fileno()
    os.set_blocking(stdin, False)
    while data:
        try:
            data = data[os.write(stdin, data) :]
        except BlockingIOError:
            await _writable(stdin)
        except OSError:
            break
    child.stdin.close()


async def _writable(pipe: int) -> None:
    loop, room = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(pipe, room.set)
    try:
        await room.wait()
    finally:
        loop.remove_writer(pipe)


async def _ended(machine: Machine, child: "subprocess.Popen[bytes]") -> None:
    """Return when the program itself has ended; it is not reaped yet."""
    gone = asyncio.Event()
    try:
        known = machine.processes.identify(child.pid)
        watch = machine.processes.watch(known, gone.set) if known is not None else None
    except SensorError as error:
        raise NotDeliveredError(f"it cannot be watched: {error}") from error
    if watch is None:
        return
    try:
        await gone.wait()
    finally:
        watch.cancel()


async def _reaped(machine: Machine, child: "subprocess.Popen[bytes]") -> int | None:
    with suppress(HungError, BusyError):
        return await machine.work.processes.run(reap, child)
    return None


class _Errors:
    """What a program writes to its standard error: read as it comes, the end of it kept."""

    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        """Read in the running loop."""
        assert child.stderr is not None  # noqa: S101 -- it is a pipe
        self._child, self._pipe = child, child.stderr
        self._loop = asyncio.get_running_loop()
        self._read = 0
        self.tail = b""
        os.set_blocking(self._pipe.fileno(), False)
        self._loop.add_reader(self._pipe.fileno(), self._readable)

    @property
    def flooded(self) -> bool:
        """Whether it was more than is read."""
        return self._read > SAID

    def _readable(self) -> bool:
        """Whether there may be more."""
        try:
            more = os.read(self._pipe.fileno(), 65536)
        except BlockingIOError:
            return False
        self.tail = (self.tail + more)[-_TAIL:]
        self._read += len(more)
        if self.flooded:
            kill_group(self._child)
        if not more or self.flooded:
            self._loop.remove_reader(self._pipe.fileno())
        return bool(more) and not self.flooded

    def close(self) -> None:
        """Take what is there, and no more."""
        if not self._pipe.closed:
            while not self.flooded and self._readable():
                pass
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()
