"""The property lists of launchd, and how it is asked."""

import os
import plistlib
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from xml.parsers.expat import ExpatError

from roost.cli.output import one_line
from roost.cli.service.ask import ASK_SECONDS, START_SECONDS, ServiceError, ask
from roost.cli.service.setup import GC_SECONDS, Setup

DAEMON = "roost.daemon"
SWEEP = "roost.gc"
_LOADED_ALREADY = 37
_NOT_LOADED = frozenset({3, 113})
"""launchctl's answers for a job that is loaded already, or is not loaded."""
PAUSES = (0.0, 2.0, 5.0, 15.0)
"""Seconds before each attempt to load a job: one that was just unloaded may not have left yet."""


def job_files(setup: Setup) -> dict[str, str]:
    """File name -> text of every property list.

    KeepAlive with SuccessfulExit false: `roost down` ends the daemon with 0 and it stays down.
    AbandonProcessGroup: the end of the daemon ends no other process.
    """
    daemon: dict[str, Any] = {
        "Label": DAEMON,
        "ProgramArguments": list(setup.daemon),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
    }
    sweep: dict[str, Any] = {
        "Label": SWEEP,
        "ProgramArguments": list(setup.sweep),
        "RunAtLoad": False,
        "StartInterval": GC_SECONDS,
    }
    common: dict[str, Any] = {
        "EnvironmentVariables": dict(setup.environ),
        "WorkingDirectory": "/",
        "AbandonProcessGroup": True,
        "ProcessType": "Interactive",
    }
    return {f"{job['Label']}.plist": plistlib.dumps({**job, **common}).decode() for job in (daemon, sweep)}


class Launchd:
    """The user's launchd, through `launchctl`."""

    manages = "launchd"

    def __init__(self, environ: Mapping[str, str], pauses: Sequence[float] = PAUSES) -> None:
        """Ask with this environment."""
        self._environ = dict(environ)
        self._pauses = pauses
        self._folder = Path(environ.get("HOME") or Path.home()) / "Library" / "LaunchAgents"
        self._domain = f"gui/{os.getuid()}"

    def files(self, setup: Setup) -> dict[Path, str]:
        """Every file and its text."""
        return {self._folder / name: text for name, text in job_files(setup).items()}

    def installed(self) -> str | None:
        """The installed daemon's property list, None when there is none."""
        try:
            return (self._folder / f"{DAEMON}.plist").read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def environment_in(self, text: str) -> dict[str, str]:
        """The variables that an installed list sets."""
        return {str(name): str(value) for name, value in _job(text).get("EnvironmentVariables", {}).items()}

    def interpreter_in(self, text: str) -> str | None:
        """The interpreter that an installed list starts."""
        words = _job(text).get("ProgramArguments") or [None]
        return words[0]

    def check(self) -> None:
        """Raise ServiceError, with the next step, unless launchd answers."""
        if shutil.which("launchctl", path=self._environ.get("PATH")) is None:
            raise ServiceError(
                "there is no launchd here (no launchctl); `roost up` starts the daemon by hand,"
                " `roost service print --platform launchd` shows the files"
            )
        done = self._run("print", self._domain)
        if done.returncode != 0:
            raise ServiceError(
                f"launchd does not answer ({one_line(done.stderr)}); log in at the machine's own screen"
                " and try again; `roost up` works without it"
            )

    def state(self) -> str:
        """`active` when the daemon's job runs, `inactive` when it is loaded or not known."""
        return self._state_of(DAEMON, "state = running")

    def timer_state(self) -> str:
        """`active` when the sweep's job is loaded."""
        return self._state_of(SWEEP, "")

    def _state_of(self, label: str, wanted: str) -> str:
        done = self._run("print", f"{self._domain}/{label}")
        return "active" if done.returncode == 0 and wanted in done.stdout else "inactive"

    def apply(self, *, changed: bool) -> None:
        """Load both jobs, again if they changed; launchd starts the daemon."""
        for label in (DAEMON, SWEEP):
            if changed:
                self._unload(label)
            self._load(label)
        self.start()

    def _load(self, label: str) -> None:
        said = ""
        for pause in self._pauses:
            if self._state_of(label, "") == "active":
                return
            time.sleep(pause)
            path = str(self._folder / f"{label}.plist")
            done = self._run("bootstrap", self._domain, path, seconds=START_SECONDS)
            if done.returncode in (0, _LOADED_ALREADY):
                return
            said = one_line(done.stderr)
        raise ServiceError(f"launchctl could not load {label}: {said}")

    def start(self) -> None:
        """Start the daemon unless it runs."""
        done = self._run("kickstart", f"{self._domain}/{DAEMON}", seconds=START_SECONDS)
        if done.returncode not in (0, _LOADED_ALREADY):
            raise ServiceError(f"launchctl could not start {DAEMON}: {one_line(done.stderr)}")

    def leave(self) -> None:
        """Stop both jobs and load them no more."""
        for label in (SWEEP, DAEMON):
            self._unload(label)

    def forget(self) -> None:
        """Nothing: it keeps no list of files."""

    def _unload(self, label: str) -> None:
        done = self._run("bootout", f"{self._domain}/{label}", seconds=START_SECONDS)
        if done.returncode not in (0, *_NOT_LOADED):
            raise ServiceError(f"launchctl could not stop {label}: {one_line(done.stderr)}")

    def _run(self, *words: str, seconds: float = ASK_SECONDS) -> "subprocess.CompletedProcess[str]":
        return ask(["launchctl", *words], self._environ, seconds)


def _job(text: str) -> dict[str, Any]:
    try:
        found: object = plistlib.loads(text.encode())
    except (ValueError, ExpatError):
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
