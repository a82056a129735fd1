"""What the daemon was born into, as `status` and `doctor` tell it: program, files, limits, fates."""

import contextlib
from typing import Any

import roost
from roost.core.vocabulary.identity import HUMAN
from roost.daemon.session.failures import room
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError
from roost.errors import RoostError
from roost.host.ancestry import enclosure
from roost.local.program import FOLDER, code
from roost.present.finding import Code, Finding, good, note, wrong

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

    async def checks(self) -> list[Finding]:
        """The findings."""
        config = str(self._machine.places.config)
        return [
            *await self._program(),
            good("daemon's config", config),
            *(
                note(Code.RUNTIME_FOLDER, "runtime folder", each, fix=f"env -u XDG_RUNTIME_DIR {REPLACE}")
                for each in self._machine.inherited.notes
            ),
            self._open_files(),
            *await self._machine.work.processes.run(self._fates),
        ]

    async def _is_current(self) -> bool:
        """Whether the files at our place are the code that runs. A disk that does not answer is no news."""
        with contextlib.suppress(OSError, BusyError):
            return await self._machine.work.launches.run(code) == self._machine.code
        return True

    async def _program(self) -> list[Finding]:
        if await self._is_current():
            return []
        why = f"its program at {FOLDER} was replaced or removed since it started"
        return [wrong(Code.DAEMON_STALE, "daemon's program", why, fix=REPLACE)]

    def _open_files(self) -> Finding:
        limit, fits = room(self._live())
        wanted = sum(state.peer.settings.runtime != HUMAN for state in self._fleet.states())
        if fits is None:
            return good("open files", "there is no limit")
        text = f"limit {limit}, which is enough for some {fits} sessions"
        if fits >= wanted:
            return good("open files", text)
        advice = "raise it (`ulimit -Hn`, LimitNOFILE= of a service); where it is higher:"
        why = f"{text}; there are {wanted} peers"
        return note(Code.OPEN_FILES, "open files", why, advice=advice, fix=REPLACE)

    def _fates(self) -> list[Finding]:
        """Blocking: what lives below a session's shim, as an older roost let it."""
        found: list[Finding] = []
        if _is_enclosed(None):
            why = "the daemon was started inside an agent's session and would end with it"
            found.append(wrong(Code.DAEMON_ENCLOSED, "fate of the daemon", why, fix=REPLACE))
        for state in self._fleet.states():
            for session in state.sessions:
                if session.processes is None or not _is_enclosed(session.processes.server.pid):
                    continue
                name, fix = state.peer.name, f"roost restart {state.peer.name}"
                why = "it was started from inside another agent's session and would end with it"
                found.append(wrong(Code.SESSION_ENCLOSED, f"fate of {name}", why, fix=fix))
        return found


def _is_enclosed(pid: int | None) -> bool:
    try:
        return enclosure(pid) is not None
    except RoostError:
        return False
