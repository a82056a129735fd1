"""`python -m roost.daemon [--home DIR] [--ready-fd N]`: the daemon in the foreground."""

import argparse
import asyncio
import errno
import faulthandler
import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

from starlette.requests import ClientDisconnect

from roost.config import ScopeMode, load_config
from roost.daemon.lineage import Lineage
from roost.daemon.listen import PORT, hold_lock, listen_loopback, listen_unix
from roost.daemon.machine import Machine
from roost.daemon.origin import port_of
from roost.daemon.server import Daemon
from roost.errors import RoostError
from roost.host.clock import RunningClock, RunningLoop
from roost.host.files import ensure_private_directory
from roost.host.ids import SystemIds
from roost.host.limits import raise_open_files
from roost.host.notify import Notifier, take_notifier
from roost.host.process import SystemProcesses
from roost.host.scope import find_scopes
from roost.host.tmux.server import TmuxTerminals, check_version
from roost.paths import Places, find_places
from roost.runtimes.registry import Runtimes
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore

THREADS = 64
"""Threads for short blocking work: some may wait for a slow disk while others go on."""
SWITCH = 0.001
"""Seconds after which a thread that computes lets the event loop go on: a pass over /proc takes many."""


def main() -> int:
    """Run the daemon; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m roost.daemon", description="The roost daemon.")
    parser.add_argument("--home", help="use this folder instead of ROOST_HOME or the XDG folders")
    parser.add_argument("--ready-fd", type=int, help="write `ready` or `error: ...` to this descriptor")
    asked = parser.parse_args()
    say = _speaker(asked.ready_fd)
    notifier = take_notifier(os.environ)
    # A service manager ends a hung daemon with SIGABRT: its log then tells where it hung.
    faulthandler.enable()
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("mcp").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for name in ("mcp.server.streamable_http", "uvicorn.error"):
        logging.getLogger(name).addFilter(_is_news)
    try:
        # Not `asyncio.run`: at its end it waits for every thread, also for one that a dead disk holds.
        clock = RunningClock()
        RunningLoop(clock).run_until_complete(
            _serve(find_places(os.environ, asked.home), notifier, clock, lambda: say("ready"))
        )
    except RoostError as error:
        say(f"error: {error.message}")
        sys.stderr.write(f"roost: {error.message}\n")
        return error.exit_code
    except OSError as error:
        place = error.filename or "its folders"
        cure = (
            "mount it for writing" if error.errno == errno.EROFS else "see to its permissions and free space"
        )
        line = f"{error.strerror}: {place}; {cure}, then `roost up`"
        say(f"error: {line}")
        sys.stderr.write(f"roost: {line}\n")
        return 1
    return 0


def _is_news(record: logging.LogRecord) -> bool:
    """Not a caller that went away within its request, as killed agents do: both would log a traceback."""
    return not (record.exc_info and isinstance(record.exc_info[1], ClientDisconnect))


def _speaker(descriptor: int | None) -> Callable[[str], None]:
    """Writes one line to the starter, once."""
    waiting = [descriptor] if descriptor is not None else []

    def say(line: str) -> None:
        if waiting:
            target = waiting.pop()
            os.write(target, " ".join(line.split()).encode() + b"\n")
            os.close(target)

    return say


async def _serve(places: Places, notifier: Notifier, clock: RunningClock, ready: Callable[[], None]) -> None:
    os.umask(0o077)
    config = load_config(places.config)
    for directory in (places.home, places.state, places.run, places.logs):
        ensure_private_directory(directory)
    hold_lock(places)  # until the process has ended: a second daemon beside one that hangs must not be
    processes = SystemProcesses()
    scopes = await find_scopes(os.environ, wanted=config.scope is ScopeMode.AUTO)
    terminals = TmuxTerminals(places.run / "tmux.conf", processes, scopes=scopes)
    await check_version(terminals)
    raise_open_files()
    store = await SqliteStore.open(places.database)
    ids = SystemIds(clock)
    lineage = Lineage(places, store, clock, ids, processes)
    await lineage.examine()
    port = await store.meta(PORT)
    if port is None:  # a store that was lost took it along; agents that still run tell it
        port = port_of(places.sessions)
        if port is not None:
            await store.commit(Batch(at=clock.now(), meta={PORT: port}))
    http = listen_loopback(port)
    if port is None:
        chosen = str(http.getsockname()[1])
        await store.commit(Batch(at=clock.now(), meta={PORT: chosen}))
    machine = Machine(
        places=places,
        config=config,
        store=store,
        clock=clock,
        ids=ids,
        processes=processes,
        terminals=terminals,
        runtimes=Runtimes(config.runtimes),
        environ=dict(os.environ),
        notifier=notifier,
        scopes=scopes,
        store_id=lineage.id,
    )
    daemon = Daemon(machine, listen_unix(places.socket), http, lineage)
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="roost-work"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.shut_down)
    gc.disable()  # what a start makes, it keeps
    sys.setswitchinterval(SWITCH)
    await daemon.run(ready, _calm_collector)
    places.socket.unlink(missing_ok=True)


def _calm_collector() -> None:
    """Look for garbage cycles more rarely: with long queues of messages it took a quarter of the time."""
    gc.freeze()
    gc.set_threshold(200_000, 20, 50)
    gc.enable()


def leave(code: int) -> NoReturn:
    """End the process, whatever its threads wait for. Only then the lock is free."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
