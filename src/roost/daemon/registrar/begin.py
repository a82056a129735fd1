"""The registrar of this host, where it has the hub of its fleet."""

from roost.daemon.registrar.hub_files import HubFiles
from roost.daemon.registrar.hub_keeper import HubKeeper
from roost.daemon.registrar.registrar import WATCHED, Registrar
from roost.daemon.registrar.watch import Watch
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.host.files import Tail


async def registrar(machine: Machine, fleet: Fleet, tasks: Tasks) -> Registrar | None:
    """None: this host has no hub. Nothing runs yet. Raises ConfigError, StoreError."""
    files = HubFiles(machine.places)
    roster = await machine.work.files.run(files.load)
    if roster is None:
        return None
    watched = int(await machine.store.meta(WATCHED) or 0)
    keeper = HubKeeper(files, machine.work.files, roster)
    watch = Watch(Tail(files.log, offset=watched))
    return Registrar(roster, keeper, watch, fleet, machine.clock, tasks, machine.work.files)
