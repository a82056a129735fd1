"""Whether the store is the one that ran here before: an older copy, or an empty one, knows less than is true.

A note beside the store says which one ran here last and how far its journal had come.
"""

import contextlib
import logging
import os

from roost.daemon.state.owner import OWNER, SHAPE, CopiedStoreError, copied, holds, this_owner
from roost.daemon.state.threads import Threads
from roost.errors import StoreError
from roost.host.files import write_atomic
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.ids import Ids
from roost.host.interfaces.processes import Processes
from roost.local.paths import Places
from roost.store.interfaces import Batch, Store
from roost.store.note import STORE, Note, doubted, read_note

BOOTS = "boots"
"""The store's key of the boot that each host was last seen in."""
SECONDS = 30.0
"""Seconds for writing the note down."""
EVERY = 2.0
"""Seconds between two looks at the store's files."""
_log = logging.getLogger("roost.lineage")


class Lineage:
    """Keeps the note, and watches over the store's files."""

    def __init__(self, places: Places, store: Store, clock: Clock, ids: Ids, processes: Processes) -> None:
        """Keep the note of this store."""
        self._places = places
        self._processes = processes
        self._path = places.store_note
        self._threads = Threads("note", 1, SECONDS)
        self._store = store
        self._clock = clock
        self._ids = ids
        self._noted = -1
        self._told: str | None = None
        self.id = ""
        self.doubt: str | None = None
        """Why the store may not be the right one; nothing is removed then because it does not name it."""

    async def claim(self) -> None:
        """Become the store's owner. Raises CopiedStoreError where another one may be, StoreError, OSError."""
        here = await self._threads.run(this_owner, self._places, self._processes)
        known, kept = await self._store.meta(STORE), await self._store.meta(OWNER)
        owner = SHAPE.value(kept) if kept is not None else None
        if known is not None and owner is not None and owner != here:
            name = self._places.database.name
            there = await self._threads.run(holds, owner.folder, name, STORE, known)
            whose = copied(owner, here, there=there)
            if whose is not None:
                raise CopiedStoreError(whose)
        if owner != here:
            await self._store.commit(Batch(at=self._clock.now(), meta={OWNER: SHAPE.text(here)}))

    async def own(self) -> None:
        """A person says that this store is the right one, here, and that no other host has sessions of it."""
        here = await self._threads.run(this_owner, self._places, self._processes)
        meta = {OWNER: SHAPE.text(here), BOOTS: "{}"}
        await self._store.commit(Batch(at=self._clock.now(), meta=meta))
        await self._threads.run(self._path.unlink, missing_ok=True)

    async def examine(self) -> None:
        """Find out which store this is, and become its owner. Raises StoreError, OSError."""
        await self.claim()
        known = await self._store.meta(STORE)
        if known is None:
            known = self._ids.new()
            await self._store.commit(Batch(at=self._clock.now(), meta={STORE: known}))
        self.id = known
        note = await self._threads.run(read_note, self._path)
        at = await self._time_of(note.seq) if note is not None else None
        self.doubt = doubted(note, known, await self._store.last_seq(), at)
        self._store.follow(self.follow)
        if self.doubt is not None:
            _log.warning("the store: %s", self.doubt)
        else:
            await self.note()

    def problem(self) -> str | None:
        """What is wrong with the store now, in words; None when nothing is."""
        unfit = self._store.unfit()
        if unfit is not None:
            return unfit.message
        if self.doubt is not None:
            return f"the store: {self.doubt}"
        failing = self._store.failing()
        return failing.message if failing is not None else None

    async def trust(self) -> None:
        """A person says that this store is the right one."""
        self.doubt = None
        await self.own()
        await self.note()

    async def run(self) -> None:
        """Look at the files, and write the note, for ever."""
        while True:
            await self._clock.sleep(EVERY)
            unfit = self._store.unfit()
            problem = unfit.message if unfit is not None else None
            if problem != self._told:
                self._told = problem
                _log.error("%s", problem or "the store's files are at their place again")
            if self._store.failing() is not None:
                await self._try_again()
            await self.keep()

    async def _try_again(self) -> None:
        """Store what is stored already: where that succeeds, the disk takes something again."""
        with contextlib.suppress(StoreError):
            await self._store.commit(Batch(at=self._clock.now(), meta={STORE: self.id}))

    async def keep(self) -> None:
        """Write the note where the store is the right one; a note that cannot be written ends nothing."""
        if self.doubt is not None or self._store.unfit() is not None:
            return
        try:
            await self.note()
        except (StoreError, OSError) as error:
            _log.warning("the note of the store cannot be written: %s", error)

    async def note(self) -> None:
        """Write down how far this store has come. Raises StoreError, OSError."""
        seq = await self._store.last_seq()
        if seq == self._noted and self._path.exists():
            return
        note = Note(self.id, seq, await self._time_of(seq)).text()
        await self._threads.run(write_atomic, self._path, note, durable=False)
        self._noted = seq

    def follow(self, seq: int, at: float) -> None:
        """Blocking: write an event into the note that is there, before anybody is told that it is stored.

        So it is missed even when the log that holds it is lost a moment later.
        """
        if self.doubt is not None:
            return
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC)
        except OSError:  # `run` makes another one
            return
        try:
            os.pwrite(file, Note(self.id, seq, at).text(), 0)
            self._noted = seq
        except OSError:  # as on a full disk: `run` tells of it
            self._noted = -1
        finally:
            os.close(file)

    async def _time_of(self, seq: int) -> float:
        rows = await self._store.events(seq - 1, None, 1)
        return rows[0].ts if rows and rows[0].seq == seq else 0.0
