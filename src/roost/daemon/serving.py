"""The daemon from its start to its end, in the process that has become it."""

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from roost.daemon.lock import hold_lock
from roost.daemon.serve.http.listener import PORT, listen_loopback
from roost.daemon.serve.socket.listener import listen_unix
from roost.daemon.server import Daemon
from roost.daemon.session.origin import bound_to, port_of
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.daemon.traces.export import check_installed
from roost.host.clock import RunningClock, RunningLoop
from roost.host.files import ensure_private_directory
from roost.host.heap import share_heap
from roost.host.ids import SystemIds
from roost.host.inheritance import Inheritance, keep
from roost.host.limits import raise_open_files
from roost.host.notify import Notifier
from roost.host.process import SystemProcesses
from roost.host.scope import find_scopes
from roost.host.tmux.server import TmuxTerminals, check_version
from roost.local.config import ScopeMode, load_config
from roost.local.membership import load_membership
from roost.local.paths import Places
from roost.local.program import code
from roost.runtimes.registry import Runtimes
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore

THREADS = 64
"""Threads for short blocking work: some may wait for a slow disk while others go on."""
SWITCH = 0.001
"""Seconds after which a thread that computes lets the event loop go on: a pass over /proc takes many."""


def serve(places: Places, inherited: Inheritance, notifier: Notifier, ready: Callable[[], None]) -> None:
    """Be the daemon until it is to end; `ready` is called when it answers. Raises RoostError, OSError."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.INFO)
    logging.getLogger("mcp").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    for name in ("mcp.server.streamable_http", "uvicorn.error"):
        logging.getLogger(name).addFilter(_is_news)
    share_heap()
    clock = RunningClock()
    # Not `asyncio.run`: at its end it waits for every thread, also for one that a dead disk holds.
    RunningLoop(clock).run_until_complete(_serve(places, inherited, notifier, clock, ready))


def _is_news(record: logging.LogRecord) -> bool:
    """Not a caller that went away within its request, as killed agents do: both would log a traceback."""
    if not record.exc_info:
        return True
    from starlette.requests import ClientDisconnect  # noqa: PLC0415 -- it is loaded with the loopback port

    return not isinstance(record.exc_info[1], ClientDisconnect)


async def _serve(
    places: Places, inherited: Inheritance, notifier: Notifier, clock: RunningClock, ready: Callable[[], None]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="roost-work"))
    named = loop.run_in_executor(None, code)  # while tmux is asked and the disk waited for
    config = load_config(places.config)
    check_installed(config)
    for directory in (places.home, places.state, places.run, places.logs):
        ensure_private_directory(directory)
    hold_lock(places)  # until the process has ended: a second daemon beside one that hangs must not be
    runtimes = Runtimes(config.runtimes)
    keep(places.inheritance, inherited, (*runtimes.passes(), *config.passes, *config.notify_passes))
    processes = SystemProcesses()
    scopes = await find_scopes(inherited.environ, wanted=config.scope is ScopeMode.AUTO)
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
    http = listen_loopback(port, lambda: bound_to(str(port), places.sessions, processes))
    chosen = str(http.getsockname()[1])
    if port != chosen:
        await store.commit(Batch(at=clock.now(), meta={PORT: chosen}))
    machine = Machine(
        places=places,
        config=config,
        store=store,
        clock=clock,
        ids=ids,
        processes=processes,
        terminals=terminals,
        runtimes=runtimes,
        environ=dict(inherited.environ),
        inherited=inherited,
        code=await named,
        member=load_membership(places.membership),
        notifier=notifier,
        scopes=scopes,
        store_id=lineage.id,
    )
    daemon = Daemon(machine, listen_unix(places.socket), http, lineage)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.shut_down)
    gc.disable()  # what a start makes, it keeps
    sys.setswitchinterval(SWITCH)
    await daemon.run(ready, _calm_collector)
    with contextlib.suppress(OSError):  # as on a read-only disk: who finds it sees that nobody answers
        places.socket.unlink(missing_ok=True)


def _calm_collector() -> None:
    """Look for garbage cycles among what is new: each connection and each session leaves one of some KiB.

    With 700 new objects, as Python has it, that was a quarter of the work while long queues grew.
    """
    gc.freeze()
    gc.set_threshold(3_000, 5, 5)
    gc.enable()
