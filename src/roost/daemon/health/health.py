"""How the daemon is: `status`, and its part of `doctor`."""

import os
import socket
from typing import Any

import roost
from roost.core.vocabulary.identity import HUMAN, OPERATOR
from roost.daemon.health.environs import Environs
from roost.daemon.health.findings import Findings
from roost.daemon.health.surroundings import Surroundings
from roost.daemon.registry.orphans import (
    Orphans,
    orphan_objects,
    orphans_among,
    unknown_objects,
    unknown_words,
)
from roost.daemon.registry.sweep import Sweeper
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.errors import StoreError
from roost.present.finding import Finding
from roost.present.objects import gc_object
from roost.store.database import SCHEMA

SAID = 3
"""Rows that cannot be read, of which a list says more than how many there are."""


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
        live_sessions: LiveSessions,
        url: str,
    ) -> None:
        """Look at this fleet; `url` is the loopback address in use."""
        self._orphans = orphans
        self._lineage = lineage
        self._sweeper = sweeper
        self._machine = machine
        self._fleet = fleet
        self._foreign = foreign
        self._url = url
        self._surroundings = Surroundings(machine, fleet)
        self._findings = Findings(
            machine, fleet, foreign, sweeper, orphans, lineage, live_sessions, self._surroundings
        )
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
            "schema": await self._schema(),
            "url": self._url,
            "alarm": "; ".join(self._alarms()) or None,
            "unknown_sessions": unknown_objects(self._orphans.unknown),
            **await self._surroundings.status(),
        }

    async def _schema(self) -> int:
        try:
            return await self._machine.store.schema()
        except StoreError:  # how the daemon is can be told all the same
            return SCHEMA

    def _alarms(self) -> list[str]:
        unknown = unknown_words(self._orphans.unknown)
        found = (self._lineage.problem(), self._sweeper.alarm, unknown, *self.unreadable())
        return [each for each in found if each is not None]

    def unreadable(self) -> list[str]:
        """What whoever looks at a list has to know: rows that are not in it."""
        left_out = self._machine.store.unreadable()
        rest = len(left_out) - SAID
        return [*left_out[:SAID], *([f"{rest} more rows cannot be read; see `roost doctor`"] * (rest > 0))]

    def notes(self) -> list[str]:
        """What whoever looks at the registry has to know of it."""
        unknown = unknown_words(self._orphans.unknown)
        return [each for each in (self._lineage.problem(), unknown, *self.unreadable()) if each is not None]

    async def checks(self) -> list[Finding]:
        """What `doctor` shows of it."""
        return await self._findings.all(self._url)

    async def held_by(self, name: str) -> dict[str, Any] | None:
        """Who else has the peer's conversation open, None when nobody is known to."""
        holder = await self._foreign.of(self._fleet.get(name))
        if holder is None:
            return None
        return {"pid": holder.pid, "command": holder.command, "why": f"{holder.named}: {holder.source}"}

    async def sweep(self) -> dict[str, Any]:
        """What a pass over the registry would find now; the daemon closes what is dead by itself."""
        found = await self._sweeper.look()
        marked, places = found.inventory.marked or (), self._machine.places
        orphans = await self._orphans.judge(orphans_among(marked, self._fleet.states(), places))
        findings = (*found.plan.findings, *found.resting)
        return gc_object(findings, orphan_objects(orphans), found.plan.alarm, closed=0, daemon=True)
