"""What `doctor` finds about the service: installed, running, still right, and lingering."""

import os
import pwd
import shutil
import sys
from pathlib import Path

from roost.cli.app import App
from roost.cli.service.ask import ServiceError
from roost.cli.service.install import Manager, belongs, differs, is_cut_off, manager_for, setup_of
from roost.cli.service.linger import lingers
from roost.cli.service.setup import places_of
from roost.present.finding import Code, Finding, good, note, quote, wrong

_INSTALL = "roost service install"
_BOOTED = Path("/run/systemd/system")
"""There when systemd runs the machine (sd_booted(3))."""


def examine_service(app: App, *, up: bool) -> list[Finding]:
    """All findings about the service of this folder. `up`: whether the daemon answers."""
    try:
        manager = manager_for(sys.platform)
    except ServiceError:
        return []
    text = manager.installed()
    if text is None:
        found = _none(manager)
    elif not belongs(app, manager):
        home = places_of(manager.environment_in(text)).home
        fix = f"roost --home {quote(home)} service uninstall && {_INSTALL}"
        why = f"the installed one is for {home}; this daemon does not start with the machine"
        found = [note(Code.SERVICE_OTHER, "service", why, fix=fix)]
    else:
        found = _installed(app, manager, text, up=up)
    return [*found, *_lingering()]


def _none(manager: Manager) -> list[Finding]:
    """It is offered where it can be had."""
    try:
        manager.check()
    except ServiceError:
        return [good("service", f"none; {manager.manages} is not there to run it")]
    why = "not installed; the daemon does not start with the machine"
    return [note(Code.SERVICE_NONE, "service", why, fix=_INSTALL)]


def _installed(app: App, manager: Manager, text: str, *, up: bool) -> list[Finding]:
    python = manager.interpreter_in(text)
    if python is not None and not Path(python).exists():
        why = f"it starts {python}, which is not there any more"
        return [wrong(Code.SERVICE_BROKEN, "service", why, fix=_INSTALL)]
    try:
        manager.check()
    except ServiceError as error:
        fix = _enable_linger() if _BOOTED.exists() else "roost service uninstall"
        return [wrong(Code.SERVICE_MUTE, "service", error.message, fix=fix)]
    state, timer = manager.state(), manager.timer_state()
    if state == "failed":
        fix = "systemctl --user reset-failed roost && roost up"
        return [wrong(Code.SERVICE_FAILED, "service", "it has failed too often", fix=fix)]
    if state != "active":
        if not up:
            return [good("service", f"installed, {state}; `roost up` starts it")]
        why = f"installed, {state}: the daemon that runs was started without it"
        return [note(Code.SERVICE_UNUSED, "service", why, fix=_INSTALL)]
    if timer != "active":
        why = f"it runs, its sweep does not ({timer})"
        return [wrong(Code.SERVICE_NO_SWEEP, "service", why, fix=_INSTALL)]
    if is_cut_off(app, manager):
        why = "its installation was cut off: what runs may be the one before"
        return [note(Code.SERVICE_STALE, "service", why, fix=_INSTALL)]
    if any(differs(path, text) for path, text in manager.files(setup_of(app)).items()):
        why = "it runs; installed now, it would be another (PATH?)"
        return [note(Code.SERVICE_STALE, "service", why, fix=_INSTALL)]
    return [good("service", f"it runs ({manager.manages})")]


def _lingering() -> list[Finding]:
    """Only where there is a user manager that a logout could end."""
    if sys.platform != "linux" or shutil.which("loginctl") is None:
        return []
    match lingers():
        case True:
            return [good("linger", "on: daemon and agents outlive your logout")]
        case False:
            why = "off: a logout ends daemon and agents of the service"
            return [note(Code.LINGER_OFF, "linger", why, fix=_enable_linger())]
        case None:
            return []


def _enable_linger() -> str:
    try:
        return f"loginctl enable-linger {pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"loginctl enable-linger {os.getuid()}"
