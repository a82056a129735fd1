"""The files of peers and of their sessions: they follow a new name, and go when their owner is over."""

import logging
import shutil
import socket
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import PeerState
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.host.spool import Spool

_log = logging.getLogger("roost.reaper")


class PeerFiles:
    """Pane logs, bodies, and the folders, sockets and death records of sessions."""

    def __init__(self, machine: Machine, fleet: Fleet, spool: Spool) -> None:
        """Keep the files of this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._spool = spool
        fleet.listeners.on_committed.append(self.committed)

    def committed(self, _name: str, _state: PeerState | None, commands: Sequence[c.Command]) -> None:
        """Remove the files of a removed peer at once: its name may be given to a new one (P11)."""
        for command in commands:
            if type(command) is c.Purge:
                self._remove(command.peer)
            elif type(command) is c.Rename:
                self._follow(command.old, command.new)

    async def tidy(self, spared: AbstractSet[str] = frozenset()) -> None:
        """Remove the files of peers and sessions whose end the last daemon did not see through.

        Only what this store has removed and closed itself goes: that it does not name a peer or a session
        proves nothing (N5). `spared`: sessions that it does not know and that run.

        Raises StoreError, OSError.
        """
        store = self._machine.store
        strangers = await self._machine.work.files.run(self._strangers)
        for name in await store.removed(strangers):
            await self._machine.work.files.run(self._remove, name)
        sessions = await self._machine.work.files.run(self._left_sessions)
        closed = await store.closed(sessions)
        await self._machine.work.files.run(self._tidy_sessions, closed, sessions - closed - spared)

    def _strangers(self) -> set[str]:
        """Blocking: names of peers that have files and no row; files of renamed peers follow them."""
        places = self._machine.places
        known = set(self._fleet.names())
        for state in self._fleet.states():
            for former in state.peer.former:
                if former not in known:
                    self._follow(former, state.peer.name)
        logs = (path.name.partition(".")[0] for path in places.pane_log("-").parent.glob("*.log*"))
        folders = (path.name for path in places.bodies.glob("*"))
        return {*logs, *folders} - known

    def _left_sessions(self) -> frozenset[str]:
        """Blocking: sessions that have files and no live row.

        The files are listed before the fleet is asked: what is being launched meanwhile is not among them.
        """
        places = self._machine.places
        folders = {path.name for path in places.sessions.glob("*")}
        records = {path.name.partition(".")[0] for path in places.spool.glob("*.json*")}
        live = {session.id for state in self._fleet.states() for session in state.sessions}
        return frozenset((folders | records) - live)

    def _tidy_sessions(self, closed: AbstractSet[str], unknown: AbstractSet[str]) -> None:
        """Blocking: files of closed sessions where nothing answers, and of unknown ones long over."""
        places = self._machine.places
        sockets, calls = list(places.terminal("-").parent.glob("*")), places.call("-").parent
        live = {session.id for state in self._fleet.states() for session in state.sessions}
        before = self._machine.clock.now() - self._machine.config.patience.ttl
        for session in closed:
            if not _answers(places.terminal(session)):
                self.remove_session(session)
        for session in unknown:
            if _changed(places.session(session)) < before and not _answers(places.terminal(session)):
                self.remove_session(session)
        known = {places.terminal(session) for session in live | unknown}
        for path in sockets:
            if path not in known and not _answers(path):
                path.unlink(missing_ok=True)
                (calls / path.name).unlink(missing_ok=True)

    def _follow(self, old: str, new: str) -> None:
        """Files of a renamed peer go with it; a second call finds what the first one could not move."""
        places = self._machine.places
        was, log = places.pane_log(old), places.pane_log(new)
        moves = [(was, log), (was.with_suffix(".log.1"), log.with_suffix(".log.1"))]
        moves.append((places.bodies / old, places.bodies / new))
        moves.append((places.runs / f"{old}.json", places.runs / f"{new}.json"))
        for source, target in moves:
            try:
                source.rename(target)
            except FileNotFoundError:
                continue
            except OSError as error:
                _log.warning("%s does not follow its peer: %s", source, error)

    def _remove(self, peer: str) -> None:
        log = self._machine.places.pane_log(peer)
        try:
            (self._machine.places.runs / f"{peer}.json").unlink(missing_ok=True)
            log.unlink(missing_ok=True)
            log.with_suffix(".log.1").unlink(missing_ok=True)
        except OSError as error:
            _log.warning("the pane log of the removed peer %s stays: %s", peer, error)
        shutil.rmtree(self._machine.places.bodies / peer, ignore_errors=True)

    def remove_session(self, session: str) -> None:
        """Blocking: remove what only the live session needed.

        Its folder goes before its record: by that a shim which is late with the record sees that nobody
        needs it.
        """
        shutil.rmtree(self._machine.places.session(session), ignore_errors=True)
        self._spool.remove(session)
        self._machine.places.terminal(session).unlink(missing_ok=True)
        self._machine.places.call(session).unlink(missing_ok=True)


def _changed(path: Path) -> float:
    """Blocking: when a folder changed last (Unix seconds); 0 when it is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _answers(path: Path) -> bool:
    """Blocking: whether a server listens on a socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        try:
            caller.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        except OSError:
            return True
        return True
