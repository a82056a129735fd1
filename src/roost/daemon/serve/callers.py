"""Finds out who asks the daemon.

On the socket the kernel says which process has connected. What lives below a session's shim is that session's
agent, whatever its environment says; everybody else of our user is the operator. A process that left its tree
is known by its scope and by the marker in its environment, or in that of a process above it. Of what a server
with many threads runs, the server tells in which thread it is.
"""

import os
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session
from roost.daemon.serve.caller import OPERATOR, Caller
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.threads import BusyError, Threads
from roost.errors import DeniedError, HostError
from roost.host.interfaces.processes import Marker, Processes
from roost.host.remote import Connection, Remote, remote_of
from roost.host.scope import scope_of
from roost.runtimes.codex_rollout import THREAD_VARIABLE

LOOK = 5.0
"""Seconds for finding out who asks; who cannot be told by then may only look."""
ENDED = 1000
"""Sessions that have ended whose scopes are remembered: what is left in one is no operator."""
_THREADS = 4


class _Thread(NamedTuple):
    """A thread of a server that runs many: what its shell runs is below that process, and is told which."""

    server: ProcessId
    id: str


_Key = ProcessId | Marker | str | _Thread
"""What a session is known by: one of its own processes, its marker, its scope, the thread that it is."""


class Callers:
    """Tells who has connected. A look takes some 0.2 milliseconds; its answer holds for the connection."""

    def __init__(
        self, fleet: Fleet, processes: Processes, home: Path, holder: Callable[[str], Awaitable[Caller]]
    ) -> None:
        """Know the sessions of this fleet, whose markers name `home`; `holder` tells whose a token is."""
        self._holder = holder
        self._fleet = fleet
        self._system = processes
        self._home = str(home)
        self._threads = Threads("callers", _THREADS, LOOK)
        self._keys: dict[str, frozenset[_Key]] = {}
        self._known: dict[_Key, Caller] = {}
        self._ended: OrderedDict[_Key, str] = OrderedDict()
        self._servers = Counter[ProcessId]()

    def load(self) -> None:
        """Learn the sessions that the fleet has loaded."""
        for state in self._fleet.states():
            self.committed(state.peer.name, state, ())

    def committed(self, name: str, state: PeerState | None, _commands: tuple[c.Command, ...]) -> None:
        """Learn what sessions a peer has now."""
        sessions = state.sessions if state is not None else ()
        before = self._keys.get(name, frozenset())
        if not sessions and not before:
            return
        now: dict[_Key, Caller] = {}
        for session in sessions:
            now |= dict.fromkeys(_keys_of(session), Caller(name, session.id))
        if now.keys() == before:
            return
        for key in before - now.keys():
            del self._known[key]
            self._ended[key] = name
        while len(self._ended) > ENDED:
            self._ended.popitem(last=False)
        self._known.update(now)
        self._keys[name] = frozenset(now)
        self._servers.update(key.server for key in now.keys() - before if isinstance(key, _Thread))
        self._servers.subtract(key.server for key in before - now.keys() if isinstance(key, _Thread))
        self._servers += Counter()  # what counts nothing is gone

    async def at(self, connection: Connection) -> Caller:
        """Who has connected, as far as that can be told. Raises nothing."""
        try:
            remote = remote_of(connection)
            return await self._threads.run(self.of, remote)
        except TimeoutError:
            return Caller(untold=f"who asks could not be told within {LOOK:g} s; ask again")
        except (HostError, BusyError) as error:
            return Caller(untold=f"who asks cannot be told: {error.message}; ask again")

    async def proven(self, token: str | None, asker: Caller, *, looks: bool) -> Caller:
        """Who asks: a token proves an agent, but none other than the one whose process has connected.

        `looks`: what is asked for changes nothing.

        Raises DeniedError for one who may not ask for anything, or whose session has ended since.
        """
        self._check(asker)
        if token is None:
            if asker.untold is not None and not looks:
                raise DeniedError(asker.untold)
            return asker
        caller = await self._holder(token)
        if asker.is_agent and asker.session != caller.session:
            raise DeniedError(f"the token is that of another session; you are {asker.named}")
        return caller

    def _check(self, caller: Caller) -> None:
        if caller.refused is not None:
            raise DeniedError(caller.refused)
        if caller.peer is not None:
            state = self._fleet.find(caller.peer)
            if state is None or state.find_session(caller.session) is None:
                raise DeniedError(f"the session of {caller.named} has ended")

    def of(self, remote: Remote) -> Caller:
        """Blocking: who that process is; `remote` is closed. Raises SensorError."""
        try:
            if remote.uid != os.getuid():
                return Caller(refused="this roost belongs to another user")
            if remote.pid == 0:
                return OPERATOR
            line = self._system.ancestors(remote.pid)
            found = (
                self._by_tree(line)
                or self._by_thread(line)
                or self._by_scope(remote.pid)
                or self._by_marker(line)
            )
            if found is not None:
                return replace(found, pid=remote.pid)
            if remote.gone or not line or self._system.identify(remote.pid) != line[0]:
                why = f"process {remote.pid}, which connected, has ended, so that who asks cannot be told"
                return Caller(refused=why)
            return replace(OPERATOR, pid=remote.pid)
        finally:
            remote.close()

    def _by_tree(self, line: Sequence[ProcessId]) -> Caller | None:
        return next((self._known[each] for each in line if each in self._known), None)

    def _by_thread(self, line: Sequence[ProcessId]) -> Caller | None:
        """By what a server that runs many threads has told the process right below it."""
        for below, above in pairwise(line):
            if above in self._servers:
                thread = self._system.variable(below.pid, THREAD_VARIABLE)
                return self._known.get(_Thread(above, thread)) if thread else None
        return None

    def _by_scope(self, pid: int) -> Caller | None:
        scope = scope_of(pid)
        if scope is None:
            return None
        return self._known.get(scope) or self._left(scope, pid)

    def _by_marker(self, line: Sequence[ProcessId]) -> Caller | None:
        """By the nearest marker of this home: a process that left the tree keeps it, or its parent does."""
        for each in line:
            marker = self._system.environ_marker(each.pid)
            if marker is None or marker.home not in (None, "", self._home):
                continue
            found = self._known.get(marker) or self._left(marker, each.pid)
            if found is not None:
                return found
            if marker.home:
                return _leftover(each.pid, marker.peer)
        return None

    def _left(self, key: _Key, pid: int) -> Caller | None:
        return _leftover(pid, self._ended[key]) if key in self._ended else None


def _leftover(pid: int, peer: str | None) -> Caller:
    whose = f"a session of '{peer}'" if peer else "a session"
    return Caller(
        refused=f"process {pid} was started in {whose} that has ended or is not known; it is nobody who may"
        " ask: ask from a terminal that no agent has started"
    )


def _keys_of(session: Session) -> tuple[_Key, ...]:
    marker = Marker(session.id, session.nonce)
    known = session.processes
    if session.joined is not None:
        return session.joined.process, marker
    if session.thread is not None and session.thread.server is not None:
        return _Thread(session.thread.server, session.thread.id), marker
    if known is None:
        return (marker,)
    if known.server is None:  # a person's own terminal, where they are who they were
        return known.shim, known.agent, marker
    return known.shim, known.agent, known.server, marker, known.socket.rpartition("/")[2]
