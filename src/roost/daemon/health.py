"""How the daemon is: `status`, and its part of `doctor`."""

import asyncio
import os
import socket
from typing import Any

import roost
from roost.core.durations import rough_duration
from roost.core.identity import HUMAN, OPERATOR
from roost.core.session import SessionState
from roost.core.words import THEIRS
from roost.daemon.census import HELD, OWN
from roost.daemon.environs import Environs
from roost.daemon.failures import TASKS
from roost.daemon.fleet import Fleet
from roost.daemon.foreign import Foreign
from roost.daemon.lineage import Lineage
from roost.daemon.live import Lives
from roost.daemon.machine import Machine
from roost.daemon.orphans import Orphans, orphan_objects, orphans_among, unknown_objects, unknown_words
from roost.daemon.surroundings import REPLACE, Surroundings
from roost.daemon.sweep import Sweeper
from roost.host.locks import lock_holders
from roost.host.process import has_handles
from roost.host.process_room import process_room
from roost.host.scope import control_group
from roost.present import gc_object

READ = 3.0
"""Seconds for which a program may read an old state of the store until that is told."""
READERS = (123, 127)
"""Bytes of the file beside the database that SQLite locks while somebody reads (wal.c: WAL_READ_LOCK)."""


class Health:
    """Looks at the daemon itself."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        foreign: Foreign,
        sweeper: Sweeper,
        orphans: Orphans,
        lineage: Lineage,
        lives: Lives,
        url: str,
    ) -> None:
        """Look at this fleet; `url` is the loopback address in use."""
        self._lives = lives
        self._orphans = orphans
        self._lineage = lineage
        self._sweeper = sweeper
        self._machine = machine
        self._fleet = fleet
        self._foreign = foreign
        self._url = url
        self._surroundings = Surroundings(machine, fleet)
        self.environs = Environs(machine, fleet)
        self._started = machine.clock.monotonic()

    async def status(self) -> dict[str, Any]:
        """The object of the contract.

        `peers` are agents and `mailboxes`, of which `awake` have a session, in all `live` sessions. `queued`
        messages wait for agents, `unread` ones in mailboxes, the operator's among them.
        """
        everyone = self._fleet.states()
        states = [state for state in everyone if state.peer.name != OPERATOR]
        boxes = [state for state in everyone if state.peer.settings.runtime == HUMAN]
        return {
            "version": roost.__version__,
            "pid": os.getpid(),
            "uptime_s": round(self._machine.clock.monotonic() - self._started, 3),
            "host": socket.gethostname(),
            "peers": len(states),
            "live": sum(len(state.sessions) for state in states),
            "awake": sum(1 for state in states if state.sessions),
            "mailboxes": sum(1 for state in boxes if state.peer.name != OPERATOR),
            "queued": sum(state.queued for state in everyone if state.peer.settings.runtime != HUMAN),
            "unread": sum(state.queued for state in boxes),
            "schema": await self._machine.store.schema(),
            "url": self._url,
            "alarm": "; ".join(self._alarms()) or None,
            "unknown_sessions": unknown_objects(self._orphans.unknown),
            **await self._surroundings.status(),
        }

    def _alarms(self) -> list[str]:
        unknown = unknown_words(self._orphans.unknown)
        return [each for each in (self._lineage.problem(), self._sweeper.alarm, unknown) if each is not None]

    def notes(self) -> list[str]:
        """What whoever looks at the registry has to know of it."""
        unknown = unknown_words(self._orphans.unknown)
        return [each for each in (self._lineage.problem(), unknown) if each is not None]

    async def checks(self) -> list[dict[str, Any]]:
        """One line for each thing that only the daemon can see."""
        found = [
            _check("daemon", ok=True, detail=f"pid {os.getpid()}, {self._url}"),
            *await self._surroundings.checks(),
            *self._groups(),
            *_handles(),
            *await self._held(),
        ]
        found += _room()
        found += self._unstored()
        found += await self._log()
        problem = self._lineage.problem()
        if problem is not None:
            fix = "roost restore BACKUP, or roost adopt --store to go on with this one"
            found.append(_check("store in use", ok=False, detail=problem, fix=fix))
        for orphan in self._orphans.unknown:
            fix = f"roost adopt {orphan.marker.session[:8]}"
            found.append(_check("unknown session", ok=False, detail=orphan.why, fix=fix))
        if self._sweeper.alarm is not None:
            found.append(_check("alarm", ok=False, detail=self._sweeper.alarm, fix="roost gc"))
        for live in self._lives:
            if live.misplaced is not None:
                name = live.peer
                fix = f"put its folder back, or roost set {name} dir=FOLDER, then roost restart {name}"
                found.append(_check(f"folder of {name}", ok=False, detail=live.misplaced, fix=fix))
        for state in self._fleet.states():
            name, hindered = state.peer.name, state.peer.hindered
            if hindered is not None and state.session is None:
                why = f"cannot be started: {hindered.why}"
                found.append(_check(f"start of {name}", ok=False, detail=why, fix=f"roost wake {name}"))
            if state.refusal is not None:
                why = f"its model refused its latest turn: {state.refusal.why}"
                fix = f"roost refresh {name}"
                found.append(_check(f"conversation of {name}", ok=False, detail=why, fix=fix))
            found += [
                _check(f"session of {name}", ok=False, detail=session.why, fix=_cure(name, session.why))
                for session in state.sessions
                if session.state in (SessionState.BLOCKED, SessionState.UNKNOWN) and not session.held
            ]
        return found

    async def _log(self) -> list[dict[str, Any]]:
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
        return [_check("store's log", ok=False, detail=why, fix="end that program, or its read transaction")]

    def _unstored(self) -> list[dict[str, Any]]:
        """Peers of which more is known than can be stored."""
        return [
            _check(f"record of {name}", ok=False, detail=f"not stored yet: {trouble}", fix="df -h; df -i")
            for name in self._fleet.names()
            if (trouble := self._fleet.trouble(name))
        ]

    async def held_by(self, name: str) -> dict[str, Any] | None:
        """Who else has the peer's conversation open, None when nobody is known to."""
        holder = await self._foreign.of(self._fleet.get(name))
        if holder is None:
            return None
        return {"pid": holder.pid, "command": holder.command, "why": f"{holder.named}: {holder.source}"}

    async def _held(self) -> list[dict[str, Any]]:
        """Conversations that somebody else has open."""
        found: list[dict[str, Any]] = []
        states = self._fleet.states()
        holders = await asyncio.gather(*(self._foreign.of(state) for state in states))
        for state, holder in zip(states, holders, strict=True):
            if holder is not None:
                name = state.peer.name
                why = f"it is open in {holder.named}; close it there or begin a fresh one"
                found.append(
                    _check(f"conversation of {name}", ok=False, detail=why, fix=f"roost restart {name}")
                )
        return found

    def _groups(self) -> list[dict[str, Any]]:
        """Whom the system would end together with us, and with our sessions."""
        scopes = self._machine.scopes
        found = [_check("scopes", ok=True if scopes.available else None, detail=scopes.why)]
        unit = control_group().rpartition("/")[2]
        if unit.startswith("session-"):
            why = f"it is part of your login ({unit}) and may end with it"
            found.append(_check("daemon's group", ok=None, detail=why, fix="roost service install"))
        elif unit.startswith("roost-") and unit.endswith(".scope"):
            why = f"it was started from inside an agent's session, and the system may end it with {unit}"
            found.append(_check("daemon's group", ok=None, detail=why, fix=REPLACE))
        elif unit.endswith((".service", ".scope")):
            found.append(_check("daemon's group", ok=True, detail=unit))
        return found

    async def sweep(self) -> dict[str, Any]:
        """What a pass over the registry would find now; the daemon closes what is dead by itself."""
        found = await self._sweeper.look()
        marked, places = found.census.marked or (), self._machine.places
        orphans = await self._orphans.judge(orphans_among(marked, self._fleet.states(), places))
        findings = (*found.plan.findings, *found.resting)
        return gc_object(findings, orphan_objects(orphans), found.plan.alarm, closed=0, daemon=True)


def _cure(name: str, why: str) -> str:
    """What to do about a session that needs a person, or cannot be told."""
    if why == HELD:
        return ""
    if why.startswith(THEIRS):
        return f"roost restart {name}"
    return OWN if OWN in why else f"roost attach {name}"


def _room() -> list[dict[str, Any]]:
    """Whether another session can be started."""
    room = process_room()
    if room is None or room.left >= TASKS:
        return []
    return [_check("processes left", ok=False, detail=str(room), fix=f"cat {room.file}")]


def _handles() -> list[dict[str, Any]]:
    """How ends of processes are noticed."""
    if has_handles():
        return []
    why = "this system gives no handles on processes (pidfd_open: a seccomp filter?); ends are looked for"
    return [_check("processes", ok=None, detail=why)]


def _check(check: str, *, ok: bool | None, detail: str, fix: str = "") -> dict[str, Any]:
    return {"check": check, "ok": ok, "detail": detail, "fix": fix}
