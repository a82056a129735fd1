"""What one look at the machine tells of each session: it runs, it is over, or that is not for us to say."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from roost.core.sessions.evidence import Fact, Sight, Source
from roost.core.sessions.sweep import Row
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.phrases import THEIRS
from roost.core.vocabulary.session import Joined, ServerThread, Session
from roost.host.interfaces.processes import Liveness, Marker, Probe
from roost.host.shim_spec import DeathRecord, Started
from roost.runtimes.codex_server.servers import Look

OWN = "roost adopt --store"
"""The command by which a person says that whoever served the store before is gone."""
HELD = "it runs on another host, which holds its lock; end it there"
"""Nothing here can do anything about it."""


class Scope(Struct, frozen=True):
    """What a look may take for granted.

    `boots`: the boot that each host was last seen in. `cut`: sessions whose launcher is known to be gone, so
    that what they have not reported they never will. `young`: other sessions that have not reported are
    passed over until they are so many seconds old (H5).
    """

    boots: Mapping[str, str] = field(default_factory=dict[str, str])
    cut: AbstractSet[str] = frozenset()
    young: float = float("inf")


class Sighting(Struct, frozen=True):
    """All that was seen at one time. `own`: markers that may be ours, None when they could not be read."""

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
    servers: Mapping[str, Look]
    ended: Mapping[ProcessId, Probe]

    def row(self, session: Session) -> Row:
        """What was seen of one session."""
        if session.thread is not None:
            return Row(session, (self._thread(session, session.thread),))
        if session.joined is not None:
            return Row(session, (self._joined(session, session.joined),))
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

    def _thread(self, session: Session, thread: ServerThread) -> Fact:
        """What its server tells of a thread, or its server's end."""
        look = self.servers.get(thread.address, Look(None, why="its server was not asked"))
        server = thread.server
        if server is not None and self.ended[server].liveness is Liveness.DEAD:
            why = f"process {server.pid} of its server is gone: {self.ended[server].reason}"
            return Fact(Sight.ENDED, Source.PROCESS, self.now, session.id, why)
        if look.loaded is not None and None not in (look.process, server) and look.process != server:
            why = "another process answers at its server's address"
            return Fact(Sight.ENDED, Source.PROCESS, self.now, session.id, why)
        if look.loaded is not None and thread.id in look.loaded:
            return Fact(Sight.RUNS, Source.SERVER, self.now, session.id, "its server has it loaded")
        if look.loaded is not None:
            why = "its server does not have it loaded"
            return Fact(Sight.ENDED, Source.SERVER, self.now, session.id, why)
        if look.absent and server is None:
            return Fact(Sight.ENDED, Source.PROCESS, self.now, session.id, look.why)
        return Fact(Sight.SILENT, Source.SERVER, self.now, session.id, look.why)

    def _joined(self, session: Session, joined: Joined) -> Fact:
        """What is seen of the program of a session that has joined."""
        probe, pid = self.ended[joined.process], joined.process.pid
        match probe.liveness:
            case Liveness.ALIVE:
                return self._fact(session, Sight.RUNS, f"its program, {probe.reason}")
            case Liveness.UNKNOWN:
                return self._fact(session, Sight.FAILED, f"its process cannot be read: {probe.reason}")
            case Liveness.DEAD if self.boot is not None and joined.process.boot != self.boot:
                return self._fact(session, Sight.ENDED, "the machine was restarted since")
            case Liveness.DEAD:
                return self._fact(session, Sight.ENDED, f"process {pid} of it is gone: {probe.reason}")

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
        if session.id in self.scope.cut and not session.own_terminal:  # its person's process may go on
            error = started.error if started is not None else None
            why = "its launch was cut short" if started is None else (error or "it never ran")
            return Row(session, (self._told(session, why),))
        if self.now - session.begun < self.scope.young:
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
