"""`python -m roost.daemon.gc [--home DIR] [--dry-run]`: the pass over the registry while no daemon runs (L3).

It holds the daemon's lock meanwhile, so that nobody else changes the store. Prints one JSON object. Exit code
75: a daemon, or another such pass, has the lock; ask again.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from typing import Any

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import OPERATOR, SYSTEM
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.policy import Policy
from roost.daemon.death.authority import Authority
from roost.daemon.death.reaper import Reaper
from roost.daemon.lock import AlreadyRunningError, hold_lock
from roost.daemon.registry.inventory import Enumerator
from roost.daemon.registry.orphan import Orphan, orphan_objects, orphans_among
from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.sighting import Scope
from roost.daemon.registry.sweep import (
    HOLD,
    Pass,
    Sweeper,
    judge_all,
    read_boots,
    read_hold,
    server_addresses,
)
from roost.daemon.serve.logs import Logs
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.session.server_senses import ServerSenses
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import BOOTS, Lineage
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.errors import BUSY, RoostError, StoreError, in_words
from roost.host.clock import SystemClock
from roost.host.ids import SystemIds
from roost.host.process import SystemProcesses
from roost.host.spool import Spool
from roost.host.tmux.server import TmuxTerminals
from roost.local.config import Config, load_config
from roost.local.paths import Places, find_places
from roost.present.objects import gc_object
from roost.runtimes.codex_server.server import Wiring
from roost.runtimes.codex_server.servers import Look
from roost.runtimes.registry import Runtimes
from roost.store.errors import StoreEmptyError, StoreMissingError
from roost.store.interfaces import Store
from roost.store.memory import MemoryStore
from roost.store.reader import Reader
from roost.store.sqlite import SqliteStore

PATIENCE = 5.0
"""Seconds to wait for the lock: another pass needs less."""
_PAUSE = 0.02


def main() -> int:
    """Run the pass; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m roost.daemon.gc", description="One pass, no daemon.")
    parser.add_argument("--home", help="use this folder instead of ROOST_HOME or the XDG folders")
    parser.add_argument("--dry-run", action="store_true", help="change nothing")
    parser.add_argument(
        "--adopt-store", action="store_true", help="take the store that is here for the right one"
    )
    parser.add_argument("--end", action="append", help="end this session, which is not in the registry")
    asked = parser.parse_args()
    os.umask(0o077)
    places = find_places(os.environ, asked.home)
    try:
        if asked.end:
            report = asyncio.run(_end(places, asked.end))
        elif asked.adopt_store:
            report = asyncio.run(_adopt_store(places))
        else:
            report = _report(places, dry_run=asked.dry_run)
    except AlreadyRunningError:
        return BUSY
    except RoostError as error:
        sys.stderr.write(f"{error.message}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"{in_words(error, places.home)}\n")
        return 1
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def _report(places: Places, *, dry_run: bool) -> dict[str, Any]:
    if not places.database.exists():
        return gc_object((), _strangers(places), None, closed=0, daemon=False)
    config = load_config(places.config)
    if dry_run:
        return _look(places, config)
    lock = _lock(places)
    try:
        return asyncio.run(_collect(places, config))
    finally:
        os.close(lock)


def _look(places: Places, config: Config) -> dict[str, Any]:
    """What a pass would do, from a store that is only read."""
    reader = Reader(places.database)
    try:
        states = reader.peers()
        boots, hold = read_boots(reader.meta(BOOTS)), read_hold(reader.meta(HOLD))
        scope = Scope(boots, young=config.patience.grace)
        servers = asyncio.run(_ask(places, config, server_addresses(states)))
        enumerator = Enumerator(places, SystemProcesses())
        found = judge_all(enumerator, states, scope, hold, time.time(), config.patience, servers)
        orphans = orphans_among(found.inventory.marked or (), states, places)
        closed = reader.closed([orphan.marker.session for orphan in orphans])
    finally:
        reader.close()
    return _told(found, [replace(each, closed=each.marker.session in closed) for each in orphans], closed=0)


def _strangers(places: Places) -> list[dict[str, Any]]:
    """What runs here where there is no store: nobody knows whose it is."""
    return orphan_objects(orphans_among(SystemProcesses().marked(), (), places))


def _lock(places: Places) -> int:
    """The daemon's lock. Raises AlreadyRunningError when somebody keeps it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return hold_lock(places)
        except AlreadyRunningError:
            if time.monotonic() >= deadline:
                raise
        time.sleep(_PAUSE)


async def _collect(places: Places, config: Config) -> dict[str, Any]:
    store, tasks = await SqliteStore.open(places.database), Tasks()
    logs = Logs(places, config.log_size, config.log_files)
    machine = _machine(places, config, store)
    try:
        await Lineage(places, store, machine.clock, machine.ids, machine.processes).claim()
        return await _pass(machine, logs, tasks)
    finally:
        await tasks.close()
        await store.close()


def _machine(places: Places, config: Config, store: Store) -> Machine:
    clock, processes = SystemClock(), SystemProcesses()
    return Machine(
        places=places,
        config=config,
        store=store,
        clock=clock,
        ids=SystemIds(clock),
        processes=processes,
        terminals=TmuxTerminals(places.run / "tmux.conf", processes),
        runtimes=Runtimes(config.runtimes),
        environ=dict(os.environ),
    )


async def _ask(places: Places, config: Config, addresses: set[str]) -> dict[str, Look]:
    """What the servers say whose threads are sessions here."""
    machine, tasks = _machine(places, config, MemoryStore()), Tasks()
    servers = machine.runtimes.servers
    servers.wire(Wiring(ServerSenses(machine), tasks.start, lambda _ends: None))
    try:
        return await servers.look(addresses)
    finally:
        await tasks.close()


async def _pass(machine: Machine, logs: Logs, tasks: Tasks) -> dict[str, Any]:
    """One pass that acts. Nothing is launched; what only a daemon can do stays in the store as intents."""
    policy = Policy(traits=machine.runtimes.traits(), waking=False)
    fleet = Fleet(machine.store, machine.clock, policy, tasks)
    leftovers: list[c.Clear] = []
    fleet.listeners.on_effect = lambda effect: (
        leftovers.append(effect) if isinstance(effect, c.Clear) else None
    )
    fleet.listeners.on_journal.append(logs.rows)
    fleet.load((await machine.store.load()).peers)
    live_sessions, authority = LiveSessions(), Authority(machine, fleet)
    reaper = Reaper(machine, fleet, live_sessions, authority, Spool(machine.places.spool))
    machine.runtimes.servers.wire(Wiring(ServerSenses(machine), tasks.start, lambda _ends: None))
    sweeper = Sweeper(machine, fleet, live_sessions, reaper, Launcher(machine, ""))
    await sweeper.prepare()
    found = await sweeper.look(young=machine.config.patience.grace)
    before = fleet.states()
    closed = await sweeper.close(found)
    for effect in leftovers:
        if (await authority.clear(effect)).empty:
            await fleet.settle(effect.key)
    await sweeper.note_boot()
    orphans = Orphans(machine, fleet, authority)
    left = await orphans.judge(orphans_among(found.inventory.marked or (), before, machine.places))
    if closed:
        await reaper.files.tidy({orphan.marker.session for orphan in left if not orphan.closed})
        await fleet.record(c.Journal("gc", SYSTEM, data={"closed": closed, "why": "no daemon was running"}))
    return _told(found, left, closed=closed)


def _told(found: Pass, orphans: list[Orphan], *, closed: int) -> dict[str, Any]:
    findings = (*found.plan.findings, *found.resting)
    return gc_object(findings, orphan_objects(orphans), found.plan.alarm, closed=closed, daemon=False)


async def _adopt_store(places: Places) -> list[dict[str, Any]]:
    """A person says that this store is the right one. Raises RoostError."""
    lock = _lock(places)
    clock, processes = SystemClock(), SystemProcesses()
    try:
        store = await SqliteStore.open(places.database)
        try:
            await Lineage(places, store, clock, SystemIds(clock), processes).own()
        finally:
            await store.close()
    finally:
        os.close(lock)
    return []


async def _end(places: Places, idents: list[str]) -> dict[str, Any]:
    """End sessions that the registry does not know. It needs no store, and no daemon.

    A store that can be read says which ones it knows as live: those are not ended here. Where it cannot be
    read each session has to be named. Raises RoostError.
    """
    lock = _lock(places)
    try:
        return await _end_chosen(places, idents)
    finally:
        os.close(lock)


async def _end_chosen(places: Places, idents: list[str]) -> dict[str, Any]:
    store = MemoryStore()
    machine, tasks = _machine(places, Config(), store), Tasks()
    fleet = Fleet(store, machine.clock, Policy(traits={}, waking=False), tasks)
    try:
        fleet.load(_known(places))
    except StoreError:
        if "all" in idents:
            raise
    orphans = Orphans(machine, fleet, Authority(machine, fleet))
    try:
        return {"ended": await orphans.end_chosen(idents, OPERATOR)}
    finally:
        await tasks.close()


def _known(places: Places) -> list[PeerState]:
    try:
        reader = Reader(places.database)
    except (StoreMissingError, StoreEmptyError):
        return []
    try:
        return reader.peers()
    finally:
        reader.close()


if __name__ == "__main__":
    sys.exit(main())
