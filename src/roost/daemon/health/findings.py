"""What only the daemon can see, as findings of `doctor`."""

import asyncio
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

from roost.core.vocabulary.durations import rough_duration
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.phrases import THEIRS
from roost.core.vocabulary.session import Session, SessionState
from roost.core.vocabulary.view import shown
from roost.daemon.health.surroundings import REPLACE, Surroundings
from roost.daemon.registry.inventory import HELD, OWN
from roost.daemon.registry.orphans import Orphans
from roost.daemon.registry.sweep import Sweeper
from roost.daemon.session.driver import UNREAD
from roost.daemon.session.failures import TASKS
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.host.locks import lock_holders
from roost.host.process import has_handles
from roost.host.process_limit import process_limit
from roost.host.scope import Refusal, control_group
from roost.present.finding import Code, Finding, good, note, quote, wrong
from roost.store.errors import StoreDisplacedError

READ = 3.0
"""Seconds for which a program may read an old state of the store until that is told."""
READERS = (123, 127)
"""Bytes of the file beside the database that SQLite locks while somebody reads (wal.c: WAL_READ_LOCK)."""


class Findings:
    """Looks at the daemon itself, at its store and at its peers."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        foreign: Foreign,
        sweeper: Sweeper,
        orphans: Orphans,
        lineage: Lineage,
        live_sessions: LiveSessions,
        surroundings: Surroundings,
    ) -> None:
        """Look at this fleet."""
        self._machine = machine
        self._fleet = fleet
        self._foreign = foreign
        self._sweeper = sweeper
        self._orphans = orphans
        self._lineage = lineage
        self._live_sessions = live_sessions
        self._surroundings = surroundings

    async def all(self, url: str) -> list[Finding]:
        """One look; `url` is the loopback address in use."""
        now = self._machine.clock.now()
        return [
            good("daemon", f"pid {os.getpid()}, {url}"),
            *await self._surroundings.checks(),
            *self._groups(),
            *_handles(),
            *_room(),
            *self._store(),
            *await self._log(),
            *self._registry(),
            *self._folders(),
            *(finding for state in self._fleet.states() for finding in _peer(state, now)),
            *await self._held(),
        ]

    def _groups(self) -> Iterator[Finding]:
        """Whom the system would end together with us, and with our sessions."""
        scopes = self._machine.scopes
        if scopes.refusal is Refusal.LINGER:
            why = "off when the daemon started: a logout may end it and its sessions"
            fix = f"loginctl enable-linger {_user()} && {REPLACE}"
            yield note(Code.LINGER_OFF, "linger", why, fix=fix)
        elif scopes.refusal is Refusal.MANAGER:
            advice = "look at it with `systemctl --user status`; the daemon asks it again after:"
            yield note(Code.SCOPES_REFUSED, "scopes", scopes.why, advice=advice, fix=REPLACE)
        else:
            yield good("scopes", scopes.why)
        unit = control_group().rpartition("/")[2]
        if unit.startswith("session-"):
            why = f"it is part of your login ({unit}) and may end with it"
            yield note(Code.DAEMON_IN_LOGIN, "daemon's group", why, fix="roost service install")
        elif unit.startswith("roost-") and unit.endswith(".scope"):
            why = f"it was started from inside an agent's session, and the system may end it with {unit}"
            yield note(Code.DAEMON_IN_SESSION, "daemon's group", why, fix=REPLACE)
        elif unit.endswith((".service", ".scope")):
            yield good("daemon's group", unit)

    def _store(self) -> Iterator[Finding]:
        """Whether it is the right one, where it was, and takes what is told."""
        unfit, doubt = self._machine.store.unfit(), self._lineage.doubt
        failing = self._machine.store.failing()
        state = quote(self._machine.places.state)
        room = f"df -h {state}; df -i {state}"
        restores = "roost down && roost restore BACKUP && roost up"
        if isinstance(unfit, StoreDisplacedError):
            copy = quote(_free(self._machine.places.state / "saved.db"))
            fix = f"roost backup {copy} && roost down && roost restore {copy} && roost up"
            why, advice = unfit.message.partition(";")[0], "put its files back, or save what is still open:"
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

    def _registry(self) -> Iterator[Finding]:
        for orphan in self._orphans.unknown:
            ident = orphan.marker.session[:8]
            advice = f"`roost gc --end {ident}` ends it; it is taken in by:"
            fix = f"roost adopt {ident}"
            yield wrong(Code.SESSION_UNKNOWN, "unknown session", orphan.seen, advice=advice, fix=fix)
        if self._sweeper.alarm is not None:
            advice = "wait half a minute: those that are still gone then are closed; `roost gc` shows them"
            yield wrong(Code.DEATHS_HELD, "alarm", self._sweeper.alarm, advice=advice)

    def _folders(self) -> Iterator[Finding]:
        for live in self._live_sessions:
            if (found := live.misplaced) is None:
                continue
            name, place = live.peer, quote(found.place)
            again = f"roost restart {name}"
            if found.taken:
                advice = "put its own folder back; or end it and begin in the one that stands there:"
                fix = again
            elif found.moved is not None:
                advice = f"it works on there after `roost set {name} dir={quote(found.moved)}`; put back by:"
                fix = f"mv {quote(found.moved)} {place}"
            else:
                advice = "its session cannot go on in it; begin in an empty one:"
                fix = f"mkdir -p {place} && {again}"
            yield wrong(Code.FOLDER_MOVED, f"folder of {name}", found.why, advice=advice, fix=fix)

    async def _held(self) -> list[Finding]:
        """Conversations that somebody else has open."""
        states = self._fleet.states()
        holders = await asyncio.gather(*(self._foreign.of(state) for state in states))
        return [
            wrong(
                Code.CONVERSATION_HELD,
                f"conversation of {state.peer.name}",
                f"it is open in {holder.named}",
                advice="close it there, or begin a fresh one:",
                fix=f"roost restart {state.peer.name}",
            )
            for state, holder in zip(states, holders, strict=True)
            if holder is not None
        ]


def _peer(state: PeerState, now: float) -> Iterator[Finding]:
    name, hindered = state.peer.name, state.peer.hindered
    seen = shown(state, now)
    if seen.state == "quarantined":
        advice = f"mend what ends it, `roost deaths {name}` tells more; then:"
        fix = f"roost start {name}"
        yield wrong(Code.PEER_QUARANTINED, f"peer {name}", f"quarantined: {seen.why}", advice=advice, fix=fix)
    if hindered is not None and state.session is None:
        why = f"cannot be started: {hindered.why}"
        advice = "mend that; it is tried again by itself, and at once by:"
        yield wrong(Code.START_HINDERED, f"start of {name}", why, advice=advice, fix=f"roost wake {name}")
    if state.refusal is not None:
        why = f"its model refused its latest turn: {state.refusal.why}"
        fix = f"roost refresh {name}"
        yield wrong(Code.CONVERSATION_REFUSED, f"conversation of {name}", why, fix=fix)
    for session in state.sessions:
        if session.state is SessionState.BLOCKED and not session.held:
            advice, fix = _answer(name, session)
            yield wrong(Code.SESSION_BLOCKED, f"session of {name}", session.why, advice=advice, fix=fix)
        elif session.state is SessionState.UNKNOWN:
            advice, fix = _clear_up(name, session)
            yield wrong(Code.SESSION_UNCLEAR, f"session of {name}", session.why, advice=advice, fix=fix)


def _answer(name: str, session: Session) -> tuple[str | None, str]:
    """What a session that waits for a person needs."""
    halted = f"kill -CONT {session.processes.agent.pid}" if session.processes is not None else None
    if halted is not None and halted in session.why:
        return None, halted
    return "answer it in its terminal:", f"roost attach {name}"


def _clear_up(name: str, session: Session) -> tuple[str, str | None]:
    """What to do about a session of which it is not known what it does."""
    if session.why == HELD:
        return f"end it there: `roost stop {name}`", None
    if session.why.startswith(THEIRS):
        return (
            "the roost that it came from keeps it; it gets a session of its own by:",
            f"roost restart {name}",
        )
    if OWN in session.why:
        return "where that host is gone for good:", OWN
    if session.why.startswith(UNREAD):
        return "it is read as soon as its disk answers, and its mail waits", None
    return "look at its terminal:", f"roost attach {name}"


def _free(path: Path) -> Path:
    """A name like this one that nothing has."""
    names = (path.with_stem(f"{path.stem}{number or ''}") for number in range(1000))
    return next(name for name in names if not name.exists())


def _room() -> list[Finding]:
    """Whether another session can be started."""
    room = process_limit()
    if room is None or room.left >= TASKS:
        return []
    advice = "end what is not needed, or raise the limit:"
    file = quote(room.file)
    fix = f"echo max > {file}" if os.getuid() == 0 else f"echo max | sudo tee {file}"
    return [wrong(Code.PROCESSES_LEFT, "processes left", str(room), advice=advice, fix=fix)]


def _handles() -> list[Finding]:
    """How ends of processes are noticed."""
    if has_handles():
        return []
    why = "this system gives no handles on processes (pidfd_open: a seccomp filter?); ends are looked for"
    advice = "allow pidfd_open and pidfd_send_signal (a newer container engine does); then:"
    return [note(Code.NO_HANDLES, "processes", why, advice=advice, fix=REPLACE)]


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
