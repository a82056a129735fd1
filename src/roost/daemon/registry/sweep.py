"""The pass over the registry: every row against what is there, at a start, by the clock, and for `roost gc`.

The pure part is `roost.core.sessions.sweep`. What it closes goes the way of every other death.
"""

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from msgspec import Struct

from roost.core.sessions.evidence import Patience, Source
from roost.core.sessions.sweep import Action, Finding, Hold, Plan, Row, plan, resting
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.identity import OPERATOR, SYSTEM
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Cause, Session
from roost.daemon.death.guests import Over
from roost.daemon.death.postmortem import death_of, last_lines
from roost.daemon.death.reaper import Reaper
from roost.daemon.registry.inventory import Enumerator, Inventory
from roost.daemon.registry.sighting import Scope
from roost.daemon.session.evidence import on_disk
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import BOOTS
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import HungError
from roost.errors import RoostError
from roost.host.files import names_in
from roost.runtimes.codex_server.servers import Look
from roost.runtimes.context import Context

HOLD = "sweep.hold"
"""The store's key of the absences that are not believed yet: a restart does not begin their time anew."""


_log = logging.getLogger("roost.sweep")


class Pass(Struct, frozen=True):
    """One pass: what was seen, and what is to be done about it."""

    inventory: Inventory
    plan: Plan
    resting: tuple[Finding, ...]


class Sweeper:
    """Judges all rows at once, and closes those that are dead."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        live_sessions: LiveSessions,
        reaper: Reaper,
        launcher: Launcher,
    ) -> None:
        """Sweep this registry."""
        self._machine = machine
        self._launcher = launcher
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._reaper = reaper
        self._enumerator = Enumerator(machine.places, machine.processes)
        self._boots: dict[str, str] = {}
        self._hold: Hold | None = None
        self.alarm: str | None = None

    async def prepare(self) -> None:
        """Read what the last pass left in the store. Raises StoreError."""
        store = self._machine.store
        self._boots = read_boots(await store.meta(BOOTS))
        self._hold = read_hold(await store.meta(HOLD))

    async def look(self, cut: AbstractSet[str] = frozenset(), young: float = float("inf")) -> Pass:
        """Look at everything and judge; nothing is changed. See `Scope` for `cut` and `young`."""
        scope, patience = Scope(self._boots, cut, young), self._machine.config.patience
        states, now = self._fleet.states(), self._machine.clock.now()
        servers = await self._machine.runtimes.servers.look(server_addresses(states))
        return await self._machine.work.processes.run(
            judge_all, self._enumerator, states, scope, self._hold, now, patience, servers
        )

    async def close(self, found: Pass) -> int:
        """Close the rows that are dead and remember what is not believed; returns how many closed."""
        await self._remember(found.plan)
        why = {each.session: each.why for each in found.plan.findings if each.action is Action.CLOSE}
        alone: list[Session] = []
        others: list[Session] = []
        guests: list[Over] = []
        for row in found.inventory.rows:
            session = row.session
            if session.id not in why:
                continue
            if session.guest:
                guests.append(Over(session, self._end_of(row), why[session.id]))
                continue
            (alone if self._needs_care(session, found.inventory) else others).append(session)
        await self._reaper.guests.close(guests)
        if others:
            boot = self._machine.processes.boot_id()
            asked = [session for session in others if session.before is not None or self._is_cut(session)]
            kept = await asyncio.gather(*(self._keeps(session) for session in asked))
            keeps = {session.id for session, keeps in zip(asked, kept, strict=True) if keeps}
            facts = await self._machine.work.files.run(self._facts, others, found.inventory, why, boot, keeps)
            await self._fleet.report_all(facts)
        await asyncio.gather(*(self._reap(session, why[session.id]) for session in alone))
        return len(guests) + len(alone) + len(others)

    def _end_of(self, row: Row) -> Cause:
        """How a session ended of which nothing is ours."""
        joined = row.session.joined
        if joined is not None:
            before = joined.process.boot != self._machine.processes.boot_id()
            return Cause.REBOOT if before else Cause.PROGRAM_ENDED
        server = any(fact.source is Source.PROCESS for fact in row.facts)
        return Cause.SERVER_GONE if server else Cause.THREAD_UNLOADED

    def _needs_care(self, session: Session, inventory: Inventory) -> bool:
        """Whether more is to be done than to close the row: it is held, or processes of it are left."""
        return self._live_sessions.find(session.id) is not None or not inventory.empty(session)

    def _context(self, session: Session) -> Context:
        return self._launcher.context(session, self._fleet.get(session.peer).peer.settings)

    async def _reap(self, session: Session, why: str) -> None:
        try:
            await self._reaper.reap(session, self._context(session), why)
        except (RoostError, OSError) as error:  # the next pass meets it again
            _log.warning("session %s cannot be reaped yet: %s", session.id, error)

    def _facts(
        self,
        sessions: list[Session],
        inventory: Inventory,
        why: Mapping[str | None, str],
        boot: str,
        keeps: AbstractSet[str],
    ) -> list[tuple[str, Event, str | None]]:
        """Blocking: the deaths of sessions of which nothing is left."""
        now, places = self._machine.clock.now(), self._machine.places
        folders = names_in(places.sessions)
        facts: list[tuple[str, Event, str | None]] = []
        for session in sessions:
            evidence = f"{why[session.id]}; its tree is empty"
            lines = last_lines(places, session)
            asked = session.id in folders and (places.session(session.id) / "teardown").exists()
            death = death_of(
                session, inventory.records.get(session.id), evidence, lines, now, boot, asked=asked
            )
            facts.append((session.peer, f.Died(death, session.id in keeps), f"end:{session.id}"))
        return facts

    def _is_cut(self, session: Session) -> bool:
        """Whether the death has cut off a turn, which may go on in the session's conversation."""
        state = self._fleet.find(session.peer)
        if session.conversation is None or state is None or not state.messages:
            return False
        return any(message.session == session.id for message in state.in_flight)

    async def _keeps(self, session: Session) -> bool:
        """Whether its conversation can be gone on with, as far as can be told now."""
        context, runtimes = self._context(session), self._machine.runtimes
        try:
            return await self._machine.work.records.run_for(session.id, on_disk, runtimes, context)
        except HungError:
            return True  # the next launch looks again

    async def _remember(self, planned: Plan) -> None:
        """Keep the hold in the store; tell of an alarm when it begins and when it ends."""
        before, self._hold, self.alarm = self._hold, planned.hold, planned.alarm
        if before == self._hold:
            return
        journal: list[c.Journal] = []
        if before is None and planned.alarm is not None:
            journal.append(c.Journal("alarm", SYSTEM, cause="mass-death", data={"why": planned.alarm}))
        elif before is not None and self._hold is None:
            gone = before.sessions & planned.of(Action.CLOSE)
            why = f"{len(gone)} of {len(before.sessions)} sessions stayed gone and are closed"
            journal.append(c.Journal("alarm", SYSTEM, cause="over", data={"why": why}))
        await self._fleet.record(*journal, meta={HOLD: write_hold(self._hold)})

    async def note_boot(self) -> None:
        """All rows of earlier boots have been met: remember this one. Raises StoreError, SensorError."""
        processes = self._machine.processes
        host, boot = processes.host_id(), await self._machine.work.processes.run(processes.boot_id)
        if self._boots.get(host) != boot:
            self._boots[host] = boot
            await self._fleet.record(meta={BOOTS: json.dumps(self._boots)})


def judge_all(
    enumerator: Enumerator,
    states: list[PeerState],
    scope: Scope,
    hold: Hold | None,
    now: float,
    patience: Patience,
    servers: Mapping[str, Look],
) -> Pass:
    """Blocking: one look at everything, and what it means; nothing is changed. `now`: Unix seconds.

    `servers`: what those said whose threads are sessions here.
    """
    sessions = [session for state in states for session in state.sessions]
    inventory = enumerator.take(sessions, scope, now, servers)
    rest = tuple(
        resting(state, now, patience)
        for state in states
        if not state.sessions and state.peer.name != OPERATOR
    )
    return Pass(inventory, plan(inventory.rows, hold, now, patience), rest)


def server_addresses(states: Iterable[PeerState]) -> set[str]:
    """The servers whose threads are sessions here."""
    sessions = (session for state in states for session in state.sessions)
    return {session.thread.address for session in sessions if session.thread is not None}


def read_boots(text: str | None) -> dict[str, str]:
    """The boots as they were stored."""
    return {str(host): str(boot) for host, boot in json.loads(text or "{}").items()}


def read_hold(text: str | None) -> Hold | None:
    """The hold as it was stored."""
    kept: dict[str, Any] | None = json.loads(text or "null")
    return Hold(float(kept["since"]), frozenset(kept["sessions"])) if kept else None


def write_hold(hold: Hold | None) -> str:
    """The hold as it is stored."""
    return json.dumps(hold and {"since": hold.since, "sessions": sorted(hold.sessions)})
