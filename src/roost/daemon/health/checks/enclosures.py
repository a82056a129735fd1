"""With what the daemon and its sessions would end, as `doctor` looks at it: shims above, control groups."""

import os
import pwd
from collections.abc import Iterable, Iterator

from roost.daemon.health.checks.check import REPLACE
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import RoostError
from roost.host.ancestry import enclosure
from roost.host.scope import Refusal, control_group
from roost.present.finding import Code, Finding, good, note, wrong


class EnclosuresCheck:
    """Looks for what would end the daemon or a session along with itself."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Look at this fleet."""
        self._machine = machine
        self._fleet = fleet

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        return [*await self._machine.work.processes.run(self._shims), *self._groups()]

    def _shims(self) -> list[Finding]:
        """Blocking: what lives below a session's shim, as an older roost let it."""
        found: list[Finding] = []
        if _is_enclosed(None):
            why = "the daemon was started inside an agent's session and would end with it"
            found.append(wrong(Code.DAEMON_ENCLOSED, "fate of the daemon", why, fix=REPLACE))
        for state in self._fleet.states():
            for session in state.sessions:
                server = session.processes.server if session.processes is not None else None
                if server is None or not _is_enclosed(server.pid):
                    continue
                name, fix = state.peer.name, f"roost restart {state.peer.name}"
                why = "it was started from inside another agent's session and would end with it"
                found.append(wrong(Code.SESSION_ENCLOSED, f"fate of {name}", why, fix=fix))
        return found

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


def _is_enclosed(pid: int | None) -> bool:
    try:
        return enclosure(pid) is not None
    except RoostError:
        return False


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
