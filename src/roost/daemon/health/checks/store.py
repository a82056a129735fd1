"""The store in use, as `doctor` looks at it: the right one, in its place, taking what is told."""

from collections.abc import Iterable, Iterator

from roost.core.vocabulary.durations import rough_duration
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.host.locks import lock_holders
from roost.present.finding import Code, Finding, free_name, quote, wrong
from roost.store.errors import StoreDisplacedError

READ = 3.0
"""Seconds for which a program may read an old state of the store until that is told."""
READERS = (123, 127)
"""Bytes of the file beside the database that SQLite locks while somebody reads (wal.c: WAL_READ_LOCK)."""


class StoreCheck:
    """Looks at the store, at its log, and at what could not be stored."""

    def __init__(self, machine: Machine, fleet: Fleet, lineage: Lineage) -> None:
        """Look at this fleet's store."""
        self._machine = machine
        self._fleet = fleet
        self._lineage = lineage

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        return [*self._store(), *await self._log()]

    def _store(self) -> Iterator[Finding]:
        """Whether it is the right one, where it was, and takes what is told."""
        unfit, doubt = self._machine.store.unfit(), self._lineage.doubt
        failing = self._machine.store.failing()
        state = quote(self._machine.places.state)
        room = f"df -h {state}; df -i {state}"
        restores = "roost down && roost restore BACKUP && roost up"
        if isinstance(unfit, StoreDisplacedError):
            copy = quote(free_name(self._machine.places.state / "saved.db"))
            fix = f"roost backup {copy} && roost down && roost restore {copy} && roost up"
            why = unfit.message.partition(";")[0]
            advice = (
                "put its files back, or save what is still open, by the line below; where that is damaged,"
                " `roost down && roost up` begins anew and ends no agent:"
            )
            yield wrong(Code.STORE_DISPLACED, "store in use", why, advice=advice, fix=fix)
        elif unfit is not None:
            why, advice = unfit.message.partition(";")[0], "agents live on; a backup is put in its place by:"
            yield wrong(Code.STORE_DAMAGED, "store in use", why, advice=advice, fix=restores)
        elif doubt is not None:
            advice = "`roost adopt --store` goes on with this one; a backup is put in its place by:"
            yield wrong(
                Code.STORE_DOUBTED, "store in use", f"the store: {doubt}", advice=advice, fix=restores
            )
        elif failing is not None:
            advice = "it is tried again by itself; this shows what is full:"
            yield wrong(Code.STORE_FAILED, "store in use", failing.message, advice=advice, fix=room)
        for why in self._machine.store.unreadable():
            advice = "upgrade roost, where a newer one wrote it; or put a backup in its place:"
            yield wrong(Code.STORE_FAILED, "row of the store", why, advice=advice, fix=restores)
        troubled = {name: trouble for name in self._fleet.names() if (trouble := self._fleet.trouble(name))}
        if troubled:
            why = f"not stored yet: what became of {', '.join(troubled)}; {next(iter(troubled.values()))}"
            advice = "it is stored as soon as the store can be written; this shows what is full:"
            yield wrong(Code.NOT_STORED, "records", why, advice=advice, fix=room)

    async def _log(self) -> list[Finding]:
        """Who keeps the log beside the store from being emptied: it grows with each commit until then."""
        held = self._machine.store.log_held()
        if held < READ:
            return []
        database = self._machine.places.database
        pids = await self._machine.work.processes.run(
            lock_holders, database.with_name(f"{database.name}-shm"), *READERS
        )
        whose = [f"pid {pid} ({' '.join(self._machine.processes.command_line(pid)[:2])})" for pid in pids]
        who = f"{', '.join(whose)} holds it open" if whose else "a program that reads it holds it open"
        why = f"the log beside the store cannot be emptied and grows: for {rough_duration(held)}, {who}"
        fix = f"kill {' '.join(map(str, pids))}" if pids else None
        advice = "have that program end its read transaction, or end it:"
        return [wrong(Code.STORE_LOG_HELD, "store's log", why, advice=advice, fix=fix)]
