"""The units of systemd's user manager, and how it is asked."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from roost.cli.output import one_line
from roost.cli.service.ask import ASK_SECONDS, START_SECONDS, ServiceError, ask
from roost.cli.service.setup import GC_SECONDS, Setup

SERVICE = "roost.service"
SWEEP = "roost-gc.service"
TIMER = "roost-gc.timer"
STARTED = (SERVICE, TIMER)
_LINE = re.compile(r'^Environment="(.*)"$', re.MULTILINE)
_COMMAND = re.compile(r'^ExecStart="((?:[^"\\]|\\.)*)"', re.MULTILINE)


def unit_files(setup: Setup) -> dict[str, str]:
    """File name -> text of every unit.

    KillMode=process and OOMPolicy=continue: agents that share the unit's control group, where sessions get
    no scope of their own, outlive the daemon's end and each other's. Restart=on-failure: `roost down` ends
    the daemon with 0 and it stays down. It is tried for ever, less and less often (systemd 254 and later): a
    disk that was full for a minute has room again. ConditionHost: in a home folder shared by several
    machines, daemon and sweep run where they were installed (L8).
    """
    return {SERVICE: _service(setup), SWEEP: _sweep(setup), TIMER: _timer(setup)}


def _service(setup: Setup) -> str:
    return _text(
        (
            "Unit",
            [
                ("Description", "roost, supervisor of coding agents"),
                *_host(setup),
                ("StartLimitIntervalSec", "0"),
            ],
        ),
        (
            "Service",
            [
                ("Type", "notify"),
                ("ExecStart", _words(setup.daemon)),
                *_environment(setup),
                ("WorkingDirectory", "/"),
                ("Restart", "on-failure"),
                ("RestartSec", "2"),
                ("RestartSteps", "8"),
                ("RestartMaxDelaySec", "60"),
                ("WatchdogSec", "30"),
                ("TimeoutStartSec", "60"),
                ("TimeoutStopSec", "60"),
                ("KillMode", "process"),
                ("OOMPolicy", "continue"),
            ],
        ),
        ("Install", [("WantedBy", "default.target")]),
    )


def _sweep(setup: Setup) -> str:
    return _text(
        ("Unit", [("Description", "roost: close registrations that no process backs"), *_host(setup)]),
        (
            "Service",
            [
                ("Type", "oneshot"),
                ("ExecStart", _words(setup.sweep)),
                *_environment(setup),
                ("WorkingDirectory", "/"),
            ],
        ),
    )


def _timer(setup: Setup) -> str:
    return _text(
        ("Unit", [("Description", "roost: the sweep, every ten minutes"), *_host(setup)]),
        ("Timer", [("OnActiveSec", "120"), ("OnUnitActiveSec", str(GC_SECONDS)), ("AccuracySec", "60")]),
        ("Install", [("WantedBy", "timers.target")]),
    )


def _text(*sections: tuple[str, Iterable[tuple[str, str]]]) -> str:
    blocks = [
        "\n".join([f"[{name}]", *(f"{key}={value}" for key, value in settings)])
        for name, settings in sections
    ]
    note = "# Made by `roost service install`; `systemctl --user edit` keeps changes of your own."
    return "\n\n".join([note, *blocks]) + "\n"


def _host(setup: Setup) -> list[tuple[str, str]]:
    return [("ConditionHost", setup.machine)] if setup.machine else []


def _environment(setup: Setup) -> list[tuple[str, str]]:
    return [("Environment", quote(f"{name}={value}")) for name, value in sorted(setup.environ.items())]


def _words(words: Iterable[str]) -> str:
    return " ".join(quote(word).replace("$", "$$") for word in words)


def quote(text: str) -> str:
    """One word of a unit file: quoted, with its specifiers and escapes made plain (systemd.syntax(7))."""
    text = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{text}"'


def unquote(text: str) -> str:
    """The inside of a quoted word as it was."""
    plain = re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
    return plain.replace("%%", "%")


def environment_in(unit: str) -> dict[str, str]:
    """The variables that a unit of ours sets."""
    return dict(pair.split("=", 1) for line in _LINE.findall(unit) if "=" in (pair := unquote(line)))


def interpreter_in(unit: str) -> str | None:
    """The interpreter that a unit of ours starts."""
    found = _COMMAND.search(unit)
    return unquote(found[1].replace("$$", "$")) if found else None


def unit_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's own units are."""
    base = environ.get("XDG_CONFIG_HOME") or f"{environ.get('HOME') or Path.home()}/.config"
    return Path(base) / "systemd" / "user"


class Systemd:
    """The user manager, through `systemctl --user`. Every question is bounded in time."""

    manages = "systemd"

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Ask with this environment. After `su` or `sudo` it may lack the way to the manager: it is added."""
        self._environ = dict(environ)
        runtime = f"/run/user/{os.getuid()}"
        if not self._environ.get("XDG_RUNTIME_DIR") and Path(runtime).is_dir():
            self._environ["XDG_RUNTIME_DIR"] = runtime

    def files(self, setup: Setup) -> dict[Path, str]:
        """Every file and its text."""
        folder = unit_folder(self._environ)
        return {folder / name: text for name, text in unit_files(setup).items()}

    def installed(self) -> str | None:
        """The installed daemon's unit, None when there is none."""
        try:
            return (unit_folder(self._environ) / SERVICE).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def environment_in(self, text: str) -> dict[str, str]:
        """The variables that an installed unit sets."""
        return environment_in(text)

    def interpreter_in(self, text: str) -> str | None:
        """The interpreter that an installed unit starts."""
        return interpreter_in(text)

    def check(self) -> None:
        """Raise ServiceError, with the next step, unless the manager answers."""
        import shutil  # the libraries of all archives come with it

        if shutil.which("systemctl", path=self._environ.get("PATH")) is None:
            raise ServiceError(
                "there is no systemd here (no systemctl); `roost up` starts the daemon by hand,"
                " `roost service print` shows the units"
            )
        done = self._run("show-environment")
        if done.returncode != 0:
            said = one_line(done.stderr) or f"exit code {done.returncode}"
            raise ServiceError(
                f"your systemd user manager does not answer ({said}); log in as this user, or"
                " `sudo loginctl enable-linger $USER`, and try again; `roost up` works without it"
            )

    def state(self) -> str:
        """`active`, `inactive`, `failed`, ...: the daemon's unit."""
        return self._run("is-active", SERVICE).stdout.strip() or "unknown"

    def timer_state(self) -> str:
        """The same of the sweep's timer."""
        return self._run("is-active", TIMER).stdout.strip() or "unknown"

    def apply(self, *, changed: bool) -> None:
        """Have the manager read what changed, and make daemon and sweep run now and after every start."""
        if changed:
            self._must("daemon-reload")
        if any(self._run("is-enabled", unit).stdout.strip() != "enabled" for unit in STARTED):
            self._must("enable", *STARTED)
        if changed and self.state() == "active":
            self._must("restart", *STARTED, seconds=START_SECONDS)
        else:
            self._must("start", *STARTED, seconds=START_SECONDS)

    def start(self) -> None:
        """Start the daemon; returns when it is ready."""
        self._must("start", SERVICE, seconds=START_SECONDS)

    def keep_running(self, unit: str) -> None:
        """Have a unit of ours that was just written run now, and after every start."""
        self._must("daemon-reload")
        self._must("enable", "--now", unit, seconds=START_SECONDS)

    def leave(self) -> None:
        """Stop daemon and sweep, and start them no more."""
        self._must("disable", "--now", *reversed(STARTED), seconds=START_SECONDS)

    def forget(self) -> None:
        """Let the manager see that the files are gone."""
        self._must("daemon-reload")

    def _must(self, *words: str, seconds: float = ASK_SECONDS) -> None:
        done = self._run(*words, seconds=seconds)
        if done.returncode != 0:
            said = one_line(done.stderr) or f"exit code {done.returncode}"
            raise ServiceError(
                f"systemctl --user {' '.join(words)} failed: {said};"
                " `journalctl --user -u roost` tells what the daemon said"
            )

    def _run(self, *words: str, seconds: float = ASK_SECONDS) -> "subprocess.CompletedProcess[str]":
        return ask(["systemctl", "--user", "--no-pager", *words], self._environ, seconds)
