"""What the daemon was born into, as `status` and `doctor` tell it: program, files, limits, fates."""

import contextlib
from typing import Any

import roost
from roost.core.identity import HUMAN
from roost.daemon.failures import room
from roost.daemon.fleet import Fleet
from roost.daemon.machine import Machine
from roost.daemon.threads import BusyError
from roost.errors import RoostError
from roost.host.ancestry import enclosure
from roost.program import FOLDER, code

REPLACE = "roost up --replace"


class Surroundings:
    """Looks at what the daemon took from its starter, and at what has become of it."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Look at this machine."""
        self._machine = machine
        self._fleet = fleet

    async def status(self) -> dict[str, Any]:
        """The fields `program`, `config` and `limits`.

        `program.code` names the code that runs; `current`: the files at its place are still that code.
        """
        current = await self._is_current()
        limit, fits = room(self._live())
        return {
            "program": {
                "version": roost.__version__,
                "path": str(FOLDER),
                "code": self._machine.code,
                "current": current,
            },
            "config": str(self._machine.places.config),
            "limits": {"open_files": limit, "sessions": fits},
        }

    def _live(self) -> int:
        return sum(len(state.sessions) for state in self._fleet.states())

    async def checks(self) -> list[dict[str, Any]]:
        """The findings."""
        config = str(self._machine.places.config)
        return [
            *await self._program(),
            _check("daemon's config", ok=True, detail=config),
            *(_check("runtime folder", ok=None, detail=each) for each in self._machine.inherited.notes),
            self._open_files(),
            *await self._machine.work.processes.run(self._fates),
        ]

    async def _is_current(self) -> bool:
        """Whether the files at our place are the code that runs. A disk that does not answer is no news."""
        with contextlib.suppress(OSError, BusyError):
            return await self._machine.work.launches.run(code) == self._machine.code
        return True

    async def _program(self) -> list[dict[str, Any]]:
        if await self._is_current():
            return []
        why = f"its program at {FOLDER} was replaced or removed since it started"
        return [_check("daemon's program", ok=False, detail=why, fix=REPLACE)]

    def _open_files(self) -> dict[str, Any]:
        limit, fits = room(self._live())
        wanted = sum(state.peer.settings.runtime != HUMAN for state in self._fleet.states())
        if fits is None:
            return _check("open files", ok=True, detail="there is no limit")
        text = f"limit {limit}, which is enough for some {fits} sessions"
        if fits < wanted:
            fix = f"{REPLACE}, where `ulimit -Hn` is higher (LimitNOFILE= of a service)"
            return _check("open files", ok=None, detail=f"{text}; there are {wanted} peers", fix=fix)
        return _check("open files", ok=True, detail=text)

    def _fates(self) -> list[dict[str, Any]]:
        """Blocking: what lives below a session's shim, as an older roost let it."""
        found: list[dict[str, Any]] = []
        if _is_enclosed(None):
            why = "the daemon was started inside an agent's session and would end with it"
            found.append(_check("fate of the daemon", ok=False, detail=why, fix=REPLACE))
        for state in self._fleet.states():
            for session in state.sessions:
                if session.processes is None or not _is_enclosed(session.processes.server.pid):
                    continue
                name = state.peer.name
                why = "it was started from inside another agent's session and would end with it"
                found.append(_check(f"fate of {name}", ok=False, detail=why, fix=f"roost restart {name}"))
        return found


def _is_enclosed(pid: int | None) -> bool:
    try:
        return enclosure(pid) is not None
    except RoostError:
        return False


def _check(check: str, *, ok: bool | None, detail: str, fix: str = "") -> dict[str, Any]:
    return {"check": check, "ok": ok, "detail": detail, "fix": fix}
