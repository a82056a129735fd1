"""What `doctor` finds about the service: installed, running, still right, and lingering."""

import os
import shutil
import sys
from pathlib import Path

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.doctor import good, note, wrong
from roost.cli.service.ask import ServiceError
from roost.cli.service.install import Manager, belongs, manager_for, setup_of
from roost.cli.service.linger import lingers
from roost.cli.service.setup import places_of

_INSTALL = "roost service install"


def examine_service(app: App) -> list[Record]:
    """All findings about the service of this folder."""
    try:
        manager = manager_for(sys.platform)
    except ServiceError as error:
        return [note("service", error.message)]
    text = manager.installed()
    if text is None:
        found = [note("service", "not installed; the daemon does not start with the machine", _INSTALL)]
    elif not belongs(app, manager):
        home = places_of(manager.environment_in(text)).home
        found = [note("service", f"the installed one is for {home}")]
    else:
        found = _installed(app, manager, text)
    return [*found, *_lingering()]


def _installed(app: App, manager: Manager, text: str) -> list[Record]:
    python = manager.interpreter_in(text)
    if python is not None and not Path(python).exists():
        return [wrong("service", f"it starts {python}, which is not there any more", _INSTALL)]
    try:
        manager.check()
    except ServiceError as error:
        return [wrong("service", error.message, "roost up")]
    state, timer = manager.state(), manager.timer_state()
    if state == "failed":
        return [wrong("service", "it has failed too often", "systemctl --user reset-failed roost; roost up")]
    if state != "active":
        return [note("service", f"installed, {state}", "roost up")]
    if timer != "active":
        return [wrong("service", f"it runs, its sweep does not ({timer})", _INSTALL)]
    if any(_differs(path, text) for path, text in manager.files(setup_of(app)).items()):
        return [note("service", "it runs; installed now, it would be another (PATH?)", _INSTALL)]
    return [good("service", f"it runs ({manager.manages})")]


def _differs(path: Path, text: str) -> bool:
    try:
        return path.read_text() != text
    except (OSError, UnicodeDecodeError):
        return True


def _lingering() -> list[Record]:
    """Only where there is a user manager that a logout could end."""
    if sys.platform != "linux" or shutil.which("loginctl") is None:
        return []
    match lingers():
        case True:
            return [good("linger", "on: daemon and agents outlive your logout")]
        case False:
            fix = f"loginctl enable-linger {os.environ.get('USER') or os.getuid()}"
            return [note("linger", "off: a logout ends daemon and agents of the service", fix)]
        case None:
            return []
