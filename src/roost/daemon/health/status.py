"""How the daemon is, as `status` tells it."""

import os
import socket
from typing import Any

import roost
from roost.core.vocabulary.identity import HUMAN, OPERATOR
from roost.daemon.health.alarms import Alarms
from roost.daemon.health.program import Program
from roost.daemon.notify.notifications import Notifications
from roost.daemon.registry.orphan import unknown_objects
from roost.daemon.registry.orphans import Orphans
from roost.daemon.session.failures import room
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import StoreError
from roost.store.database import SCHEMA


class Status:
    """Counts peers, sessions and messages, and tells where the daemon runs since when."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        orphans: Orphans,
        alarms: Alarms,
        program: Program,
        notifications: Notifications,
        url: str,
    ) -> None:
        """Look at this fleet, from now on; `url` is the loopback address in use."""
        self._machine = machine
        self._fleet = fleet
        self._orphans = orphans
        self._alarms = alarms
        self._program = program
        self._notifications = notifications
        self._url = url
        self._started = machine.clock.monotonic()

    async def now(self) -> dict[str, Any]:
        """The object of the contract.

        `peers` are agents and `mailboxes`, of which `awake` have a session, in all `live` sessions. `queued`
        messages wait for agents, `unread` ones in mailboxes, the operator's among them.
        """
        everyone = self._fleet.states()
        states = [state for state in everyone if state.peer.name != OPERATOR]
        boxes = [state for state in everyone if state.peer.settings.runtime == HUMAN]
        live = sum(len(state.sessions) for state in states)
        limit, fits = room(sum(len(state.sessions) for state in everyone))
        return {
            "version": roost.__version__,
            "pid": os.getpid(),
            "uptime_s": round(self._machine.clock.monotonic() - self._started, 3),
            "host": socket.gethostname(),
            "peers": len(states),
            "live": live,
            "awake": sum(1 for state in states if state.sessions),
            "mailboxes": sum(1 for state in boxes if state.peer.name != OPERATOR),
            "queued": sum(state.queued for state in everyone if state.peer.settings.runtime != HUMAN),
            "unread": sum(state.queued for state in boxes),
            "schema": await self._schema(),
            "url": self._url,
            "alarm": "; ".join(self._alarms.all()) or None,
            "unknown_sessions": unknown_objects(self._orphans.unknown),
            "program": await self._program.told(),
            "config": str(self._machine.places.config),
            "notify": self._notifications.told(),
            "limits": {"open_files": limit, "sessions": fits},
        }

    async def _schema(self) -> int:
        try:
            return await self._machine.store.schema()
        except StoreError:  # how the daemon is can be told all the same
            return SCHEMA
