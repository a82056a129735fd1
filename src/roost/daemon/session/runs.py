"""Runs: what a person asked for when they started a peer's program in their own terminal.

Folder, arguments and environment are the person's, for this one run. The latest of each peer is kept: a next
daemon, and whoever looks into the records after the end, must see the session as its program does.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct, field
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.errors import HostError, RefusedError
from roost.host.files import ensure_private_directory, write_atomic
from roost.store.codec import Shape


class Run(Struct, frozen=True):
    """One run. `environ`: what the runtime may see of the person's environment."""

    session: str
    dir: str
    args: tuple[str, ...] = ()
    environ: Mapping[str, str] = field(default_factory=dict[str, str])


class Order(Struct, frozen=True):
    """A run that is being prepared. `ready`: the shim's instructions, once the person's process may go on.

    `process`: that process, which becomes the shim; None where it is not known.
    """

    run: Run
    ready: "asyncio.Future[Path]"
    process: ProcessId | None = None


_SHAPE = Shape(Run)


class Runs:
    """The latest run of each peer, and those that are being prepared."""

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder."""
        self._folder = folder
        self._known: dict[str, Run | None] = {}
        self._orders: dict[str, Order] = {}

    def ask(self, peer: str, run: Run, process: ProcessId | None) -> Order:
        """A person wants to run the peer now. Raises RefusedError where somebody else just does."""
        if peer in self._orders:
            raise RefusedError(f"'{peer}' is being started in another terminal; try again in a moment")
        order = self._orders[peer] = Order(run, asyncio.get_running_loop().create_future(), process)
        return order

    def drop(self, peer: str) -> None:
        """Nobody waits any more for the run that was asked for."""
        order = self._orders.pop(peer, None)
        if order is not None:
            order.ready.cancel()

    def ordered(self, peer: str) -> Order | None:
        """The run that is being prepared."""
        return self._orders.get(peer)

    def of(self, peer: str, session: str) -> Run | None:
        """Blocking at the first time: the run that this session of the peer is, if it is one."""
        run = self.latest(peer)
        return run if run is not None and run.session == session else None

    def latest(self, peer: str) -> Run | None:
        """Blocking at the first time: the latest run of the peer, whichever session that is or was."""
        if peer not in self._known:
            self._known[peer] = _read(self._folder / f"{peer}.json")
        return self._known[peer]

    def keep(self, peer: str, run: Run, session: str) -> None:
        """Blocking: this session of the peer is that run. Raises OSError, HostError."""
        known = replace(run, session=session)
        ensure_private_directory(self._folder)
        write_atomic(self._folder / f"{peer}.json", _SHAPE.text(known).encode(), durable=False)
        self._known[peer] = known


def _read(path: Path) -> Run | None:
    try:
        return _SHAPE.value(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, HostError):
        return None
