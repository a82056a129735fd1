"""An orphan: the processes of one session that belong to no live row, in words and as a session to end."""

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import Struct

from roost.core.vocabulary.identity import SYSTEM, ProcessId
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Processes, Session, WakeCause
from roost.daemon.state.machine import Machine
from roost.errors import HostError, NotFoundError, UsageError
from roost.host.interfaces.processes import Marker
from roost.host.shim_spec import read_started
from roost.local.paths import Places

_LEAST = 4
"""Fewer digits of a session's id name none."""


class Orphan(Struct, frozen=True):
    """The processes of one session that the registry does not hold as live.

    `closed`: the store has recorded that session's end. Otherwise it never knew it.
    """

    marker: Marker
    processes: tuple[ProcessId, ...]
    closed: bool = False

    @property
    def seen(self) -> str:
        """What is so, in words."""
        pids = ", ".join(str(process.pid) for process in self.processes)
        return f"session {self.marker.session[:8]} runs (process {pids}) and is not in the registry"

    @property
    def why(self) -> str:
        """The same, with what is to be done about it."""
        ident = self.marker.session[:8]
        return f"{self.seen}; `roost adopt {ident}` takes it in, `roost gc --end {ident}` ends it"


def orphans_among(
    marked: Iterable[tuple[ProcessId, Marker]], states: Iterable[PeerState], places: Places
) -> list[Orphan]:
    """The orphans among marked processes: ours by their home, of no live session by id and nonce."""
    home = str(places.home)
    live = {Marker(session.id, session.nonce) for state in states for session in state.sessions}
    found: dict[Marker, list[ProcessId]] = {}
    for process, marker in marked:
        if marker.home == home and marker not in live:
            found.setdefault(marker, []).append(process)
    return [Orphan(marker, tuple(processes)) for marker, processes in found.items()]


def orphan_objects(orphans: Iterable[Orphan]) -> list[dict[str, Any]]:
    """What `gc` shows of them."""
    return [
        {
            "session": orphan.marker.session,
            "peer": orphan.marker.peer,
            "pids": [process.pid for process in orphan.processes],
            "closed": orphan.closed,
        }
        for orphan in orphans
    ]


def unknown_objects(orphans: Iterable[Orphan]) -> list[dict[str, Any]]:
    """What `status` shows of sessions that the registry does not know."""
    return orphan_objects(orphan for orphan in orphans if not orphan.closed)


def unknown_words(orphans: Sequence[Orphan]) -> str | None:
    """The same in one sentence; None when there are none."""
    if not orphans:
        return None
    if len(orphans) == 1:
        return orphans[0].why
    return (
        f"{len(orphans)} sessions run that are not in the registry; `roost gc` lists them,"
        " `roost adopt --all` takes them in, `roost gc --end all` ends them"
    )


def chosen(orphans: Iterable[Orphan], ident: str) -> Orphan:
    """The one whose session's id begins so. Raises UsageError, NotFoundError."""
    found = [each for each in orphans if len(ident) >= _LEAST and each.marker.session.startswith(ident)]
    if len(found) > 1:
        raise UsageError(f"several sessions have ids that begin with '{ident}'; give more digits")
    if not found:
        raise NotFoundError(f"no session '{ident}' runs outside the registry; `roost gc` lists those that do")
    return found[0]


def session_of(machine: Machine, orphan: Orphan) -> Session:
    """Blocking: the session as the kill authority wants it, its processes from its shim's own report.

    Only processes that carry the marker now are believed.
    """
    marker = orphan.marker
    path = machine.places.session(marker.session) / "started.json"
    try:
        started = read_started(path, machine.processes)
    except HostError:
        started = None
    processes = None
    if started and started.agent and started.shim in orphan.processes:
        socket = str(machine.places.terminal(marker.session))
        processes = Processes(started.agent, started.shim, started.server, socket)
    return Session(
        id=marker.session,
        peer=SYSTEM,
        generation=0,
        nonce=marker.nonce,
        wake=WakeCause.FIRST_WAKE,
        resumed=False,
        started_at=0.0,
        since=0.0,
        processes=processes,
    )
