"""One look at the machine: what is there of every session in the registry, and of sessions that are not.

Everything here blocks: call it in a thread.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from roost.core.sessions.evidence import Fact, Sight, Source
from roost.core.sessions.sweep import Row
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.words import THEIRS
from roost.errors import HostError
from roost.host.files import names_in
from roost.host.interfaces.processes import Liveness, Marker, Probe, Processes
from roost.host.shim_spec import DeathRecord, Started, is_locked, read_death, read_started
from roost.local.paths import Places

OWN = "roost adopt --store"
"""The command by which a person says that whoever served the store before is gone."""
HELD = "it runs on another host, which holds its lock; end it there"
"""Nothing here can do anything about it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a look may take for granted.

    `boots`: the boot that each host was last seen in. `cut`: sessions whose launcher is known to be gone, so
    that what they have not reported they never will. `young`: other sessions that have not reported are
    passed over until they are so many seconds old (H5).
    """

    boots: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: AbstractSet[str] = frozenset()
    young: float = float("inf")


@dataclass(frozen=True, slots=True)
class Inventory:
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
    """Takes a inventory of one roost."""

    def __init__(self, places: Places, processes: Processes) -> None:
        """Look at these places."""
        self._places = places
        self._processes = processes

    def take(self, sessions: Sequence[Session], scope: Scope, now: float) -> Inventory:
        """Look once, at all of them. Failures become facts; nothing is raised."""
        started, broken = self._identities(sessions)
        # Only a session whose three processes are all known can be told by them.
        shims = {key: each.shim for key, each in started.items() if each.agent and each.shim and each.server}
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
        own = frozenset(marker for _, marker in marked or () if marker.home in (None, "", home))
        seen = None if marked is None else own
        homes = {process: marker.home for process, marker in marked or ()}
        host = self._host()
        others = frozenset(boot for other, boot in scope.boots.items() if other != host)
        boot = self._boot()
        locked = {
            key: is_locked(self._places.session(key))
            for key, shim in shims.items()
            if boot not in (None, shim.boot)
        }
        look = _Look(
            scope, now, boot, host, others, started, broken, shims, probes, records, seen, locked, homes, home
        )
        return Inventory(
            tuple(look.row(session) for session in sessions), started, records, marked, own, agents
        )

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


@dataclass(frozen=True, slots=True)
class _Look:
    scope: Scope
    now: float
    boot: str | None
    host: str
    others: AbstractSet[str]
    started: Mapping[str, Started]
    broken: Mapping[str, str]
    shims: Mapping[str, ProcessId]
    probes: Mapping[str, Probe]
    records: Mapping[str, DeathRecord]
    own: frozenset[Marker] | None
    locked: Mapping[str, bool | None]
    homes: Mapping[ProcessId, str | None]
    home: str

    def row(self, session: Session) -> Row:
        """What was seen of one session."""
        shim = self.shims.get(session.id)
        if shim is None:
            return self._unreported(session, self.started.get(session.id))
        elsewhere = self._elsewhere(session, shim)
        if elsewhere is not None:
            return Row(session, skip=elsewhere, foreign=True)
        facts = [self._fact(session, *self._seen(shim, self.probes[session.id]))]
        if session.id in self.records:
            facts.append(self._told(session, "its shim's record tells of its end"))
        return Row(session, tuple(facts))

    def _seen(self, shim: ProcessId, probe: Probe) -> tuple[Sight, str]:
        match probe.liveness:
            case Liveness.ALIVE:
                return Sight.RUNS, f"its shim, {probe.reason}"
            case Liveness.UNKNOWN:
                return Sight.FAILED, f"its processes cannot be read: {probe.reason}"
            case Liveness.DEAD if self.boot is not None and shim.boot != self.boot:
                return Sight.ENDED, "the machine was restarted since"
            case Liveness.DEAD:
                return Sight.GONE, f"its shim is gone: {probe.reason}"

    def _elsewhere(self, session: Session, shim: ProcessId) -> str | None:
        """Why a session is not for this roost to judge: another host, or another home, has it."""
        home = self.homes.get(shim)
        if home not in (None, "", self.home):
            return f"{THEIRS} {home}"
        locked = self.locked.get(session.id)
        if locked:
            return HELD
        if locked is None and shim.boot in self.others and shim.boot != self.boot:
            return f"it belongs to another host; when that is gone for good: `{OWN}`"
        return None

    def _unreported(self, session: Session, started: Started | None) -> Row:
        """A session of which no process has become known."""
        if session.held and started is None:
            return Row(session, skip=session.why or "its conversation is open elsewhere", foreign=True)
        if session.id in self.broken:
            return Row(session, (self._fact(session, Sight.FAILED, self.broken[session.id]),))
        if self._rebooted():
            why = "the machine was restarted during its launch"
            return Row(session, (self._fact(session, Sight.ENDED, why),))
        if session.id in self.scope.cut:
            error = started.error if started is not None else None
            why = "its launch was cut short" if started is None else (error or "it never ran")
            return Row(session, (self._told(session, why),))
        if self.now - session.started_at < self.scope.young:
            return Row(session, skip="it is just being launched")
        if self.own is None:
            why = "the process table cannot be read"
            return Row(session, (self._fact(session, Sight.FAILED, why),))
        if Marker(session.id, session.nonce) in self.own:
            return Row(session, (self._fact(session, Sight.RUNS, "processes carry its marker"),))
        return Row(session, (self._fact(session, Sight.NOTHING, "no process of it was ever seen"),))

    def _rebooted(self) -> bool:
        """Whether this is the first look in a new boot: nothing that was being launched before it is left."""
        last = self.scope.boots.get(self.host)
        return last is not None and self.boot is not None and last != self.boot

    def _fact(self, session: Session, sight: Sight, why: str) -> Fact:
        return Fact(sight, Source.PROCESS, self.now, session.id, why)

    def _told(self, session: Session, why: str) -> Fact:
        return Fact(Sight.ENDED, Source.RECORD, self.now, session.id, why)


def _runs(probe: Probe | None) -> bool:
    return probe is not None and probe.liveness is Liveness.ALIVE
