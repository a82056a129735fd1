"""The rules of `[[notify]]`, as `doctor` looks at them: programs that are not there, receivers that fail."""

import shutil
import sys
from collections.abc import Iterable

from roost.daemon.notify.notifications import Notifications
from roost.daemon.state.machine import Machine
from roost.daemon.state.threads import BusyError, HungError
from roost.local.notify import NotifyRule
from roost.present.finding import Code, Finding, as_root, good, quote, wrong

_DESKTOP = "osascript" if sys.platform == "darwin" else "notify-send"
_INSTALL = "apt-get install -y libnotify-bin"


class NotifyCheck:
    """Looks at each rule."""

    def __init__(self, machine: Machine, notifications: Notifications) -> None:
        """Look at those of this machine's configuration."""
        self._machine = machine
        self._notifications = notifications

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        told = {each["rule"]: each for each in self._notifications.told()}
        found: list[Finding] = []
        for rule in self._machine.config.notify:
            missing = await self._missing(rule)
            failing = told.get(rule.name, {})
            if missing is not None:
                found.append(missing)
            elif failing.get("error"):
                since, waiting = failing["failing_since"], failing["waiting"]
                why = f"it fails since {since}, {waiting} wait: {failing['error']}"
                advice = "see to the receiver, then send a sample; the rest follows by itself:"
                fix = f"roost notify test {quote(rule.name)}"
                found.append(wrong(Code.NOTIFY_FAILING, f"notify {rule.name}", why, advice=advice, fix=fix))
            else:
                found.append(good(f"notify {rule.name}", rule.target))
        return found

    async def _missing(self, rule: NotifyRule) -> Finding | None:
        """The program of a rule that is not there."""
        program = rule.command[0] if rule.command else _DESKTOP if rule.desktop else None
        if program is None or await self._is_there(program):
            return None
        check = f"notify {rule.name}"
        why = f"{program} is not found on the daemon's PATH"
        if rule.desktop:
            fix = as_root(_INSTALL)
            return wrong(Code.NOTIFY_MISSING, check, why, advice="with Debian or Ubuntu:", fix=fix)
        advice = f"correct its `command` in {self._machine.places.config}, then `roost up --replace`"
        return wrong(Code.NOTIFY_MISSING, check, why, advice=advice)

    async def _is_there(self, program: str) -> bool:
        path = self._machine.environ.get("PATH")
        try:
            return await self._machine.work.launches.run(shutil.which, program, path=path) is not None
        except (HungError, BusyError):
            return True
