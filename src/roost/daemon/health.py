"""How the daemon is: `status`, and its part of `doctor`."""

import os
import socket
from typing import Any

import roost
from roost.core.identity import OPERATOR
from roost.core.session import SessionState
from roost.daemon.fleet import Fleet
from roost.daemon.machine import Machine


class Health:
    """Looks at the daemon itself."""

    def __init__(self, machine: Machine, fleet: Fleet, url: str) -> None:
        """Look at this fleet; `url` is the loopback address in use."""
        self._machine = machine
        self._fleet = fleet
        self._url = url
        self._started = machine.clock.monotonic()

    async def status(self) -> dict[str, Any]:
        """The object of the contract."""
        states = [state for state in self._fleet.states() if state.peer.name != OPERATOR]
        return {
            "version": roost.__version__,
            "pid": os.getpid(),
            "uptime_s": round(self._machine.clock.monotonic() - self._started, 3),
            "host": socket.gethostname(),
            "peers": len(states),
            "live": sum(len(state.sessions) for state in states),
            "queued": sum(state.queued for state in states),
            "schema": await self._machine.store.schema(),
            "url": self._url,
        }

    async def checks(self) -> list[dict[str, Any]]:
        """One line for each thing that only the daemon can see."""
        found = [_check("daemon", ok=True, detail=f"pid {os.getpid()}, {self._url}")]
        for state in self._fleet.states():
            name = state.peer.name
            found += [
                _check(f"session of {name}", ok=False, detail=session.why, fix=f"roost attach {name}")
                for session in state.sessions
                if session.state in (SessionState.BLOCKED, SessionState.UNKNOWN)
            ]
        return found


def _check(check: str, *, ok: bool, detail: str, fix: str = "") -> dict[str, Any]:
    return {"check": check, "ok": ok, "detail": detail, "fix": fix}
