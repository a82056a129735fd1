"""One look at the machine: what is there of every session in the registry, and of sessions that are not.

Everything here blocks: call it in a thread.
"""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from roost.core.sessions.sweep import Row
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Session
from roost.daemon.registry.sighting import Scope, Sighting
from roost.errors import HostError
from roost.host.files import names_in
from roost.host.interfaces.processes import Liveness, Marker, Probe, Processes
from roost.host.shim_spec import DeathRecord, Started, is_locked, read_death, read_started
from roost.local.paths import Places
from roost.runtimes.codex_server.servers import Look


class Inventory(Struct, frozen=True):
    """What was seen.

    `marked`: all processes that carry any roost's marker, None when the process table could not be read.
    `own`: the markers among them that may be ours. `agents`: sessions whose agent may have outlived its shim.
    """

    rows: tuple[Row, ...]
    started: Mapping[str, Started]
    records: Mapping[str, DeathRecord]
    marked: tuple[tuple[ProcessId, Marker], ...] | None
    own: frozenset[Marker]
    agents: frozenset[str]

    def empty(self, session: Session) -> bool:
        """Whether no process of the session was there: what cannot be seen is not taken for empty."""
        if self.marked is None or session.id in self.agents:
            return False
        return not self.own or Marker(session.id, session.nonce) not in self.own


class Enumerator:
    """Takes the inventory of one roost."""

    def __init__(self, places: Places, processes: Processes) -> None:
        """Look at these places."""
        self._places = places
        self._processes = processes

    def take(
        self, sessions: Sequence[Session], scope: Scope, now: float, servers: Mapping[str, Look]
    ) -> Inventory:
        """Look once, at all of them. Failures become facts; nothing is raised.

        `servers`: what those said whose threads some of the sessions are.
        """
        started, broken = self._identities(sessions)
        # Only a session whose three processes are all known can be told by them.
        own = {session.id for session in sessions if session.own_terminal}
        shims = {
            key: each.shim
            for key, each in started.items()
            if each.agent and each.shim and (each.server or key in own)
        }
        probes = dict(zip(shims, self._processes.probe_all(list(shims.values())), strict=True))
        ended = [session for session in sessions if not _runs(probes.get(session.id))]
        records = self._records(ended)
        agents = self._agents(ended)
        try:
            # After the probes: what a session that has ended left behind is still to be seen now.
            marked = tuple(self._processes.marked())
        except HostError:
            marked = None
        home = str(self._places.home)
        ours = frozenset(marker for _, marker in marked or () if marker.home in (None, "", home))
        seen = None if marked is None else ours
        homes = {process: marker.home for process, marker in marked or ()}
        host = self._host()
        others = frozenset(boot for other, boot in scope.boots.items() if other != host)
        boot = self._boot()
        folders = names_in(self._places.sessions)
        locked = {
            key: is_locked(self._places.session(key)) if key in folders else None
            for key, shim in shims.items()
            if boot not in (None, shim.boot)
        }
        look = Sighting(
            scope,
            now,
            boot,
            host,
            others,
            started,
            broken,
            shims,
            probes,
            records,
            seen,
            locked,
            homes,
            home,
            servers,
            self._servers(sessions),
        )
        return Inventory(
            tuple(look.row(session) for session in sessions), started, records, marked, ours, agents
        )

    def _servers(self, sessions: Sequence[Session]) -> dict[ProcessId, Probe]:
        """The processes that serve threads, and those of sessions that have joined."""
        known = {each.thread.server for each in sessions if each.thread is not None}
        known |= {each.joined.process for each in sessions if each.joined is not None}
        servers = [process for process in known if process is not None]
        return dict(zip(servers, self._processes.probe_all(servers), strict=True))

    def _agents(self, sessions: Sequence[Session]) -> frozenset[str]:
        """Which agents may live although their shim does not."""
        known = [session for session in sessions if session.processes is not None]
        agents = [session.processes.agent for session in known if session.processes is not None]
        probes = self._processes.probe_all(agents)
        return frozenset(
            session.id
            for session, probe in zip(known, probes, strict=True)
            if probe.liveness is not Liveness.DEAD
        )

    def _identities(self, sessions: Sequence[Session]) -> tuple[dict[str, Started], dict[str, str]]:
        """Who each session is, from its row or, when its launch was cut short, from its shim's report."""
        found: dict[str, Started] = {}
        broken: dict[str, str] = {}
        for session in sessions:
            if session.processes is not None:
                known = session.processes
                found[session.id] = Started(known.agent, known.shim, known.server, None)
                continue
            try:
                started = read_started(self._places.session(session.id) / "started.json", self._processes)
            except HostError as error:
                broken[session.id] = error.message
                continue
            if started is not None:
                found[session.id] = started
        return found, broken

    def _records(self, sessions: Sequence[Session]) -> dict[str, DeathRecord]:
        """The death records of those sessions whose nonce they carry: nobody else could have written them."""
        there = names_in(self._places.spool)
        found: dict[str, DeathRecord] = {}
        for session in sessions:
            if f"{session.id}.json" not in there:
                continue
            try:
                record = read_death(self._places.spool / f"{session.id}.json")
            except HostError:
                continue
            if record.nonce == session.nonce:
                found[session.id] = record
        return found

    def _boot(self) -> str | None:
        try:
            return self._processes.boot_id()
        except HostError:
            return None

    def _host(self) -> str:
        return self._processes.host_id()


def _runs(probe: Probe | None) -> bool:
    return probe is not None and probe.liveness is Liveness.ALIVE
