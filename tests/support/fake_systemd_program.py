"""What the programs of `fake_systemd` do; what they only answer is in `fake_systemd_answers`."""

import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.fake_systemd_answers import is_active

PATIENCE = 30.0
_KEPT = ("HOME", "USER", "XDG_RUNTIME_DIR", "ROOST_TEST_RUN", "ROOST_DEMO_LOG", "ROOST_DOOR")


def main(program: str, folder: str, argv: list[str]) -> int:
    """Act."""
    place = Path(folder)
    if program == "loginctl":
        (place / "loginctl.mode").write_text("linger")
        (place / "systemctl.mode").unlink(missing_ok=True)  # the user's manager runs from then on
        return 0
    return _systemctl(place, [word for word in argv if not word.startswith("--") or word == "--now"])


def _systemctl(place: Path, words: list[str]) -> int:
    verb, units = words[0], [word for word in words[1:] if not word.startswith("--")]
    for unit in units:
        if verb == "reset-failed":
            (place / f"{unit.removesuffix('.service')}.service.failed").unlink(missing_ok=True)
        if verb == "start" and (place / f"{unit}.failed").exists():
            sys.stderr.write("Start request repeated too quickly.\n")
            return 1
        if verb == "enable":
            (place / f"{unit}.enabled").touch()
        if verb == "disable":
            (place / f"{unit}.enabled").unlink(missing_ok=True)
        if verb in ("stop", "restart") or (verb == "disable" and "--now" in words):
            _stop(place, unit)
        if verb in ("start", "restart") and not _start(place, unit):
            return 1
    return 0


def _stop(place: Path, unit: str) -> None:
    """SIGTERM to the main process alone, as KillMode=process says."""
    (place / f"{unit}.active").unlink(missing_ok=True)
    if unit != "roost.service" or not is_active(str(place), unit):
        return
    handle = os.pidfd_open(int((place / "main.pid").read_text()))
    signal.pidfd_send_signal(handle, signal.SIGTERM)
    select.select([handle], [], [], PATIENCE)
    (place / "main.pid").unlink()


def _start(place: Path, unit: str) -> bool:
    """Start the unit's command with the unit's environment, and wait for READY=1."""
    if is_active(str(place), unit):
        return True
    if unit != "roost.service":
        (place / f"{unit}.active").touch()
        return True
    config = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ['HOME']}/.config"
    text = Path(config, "systemd", "user", unit).read_text()
    command = shlex.split(_one(text, "ExecStart").replace("$$", "$").replace("%%", "%"))
    pairs = [shlex.split(value)[0].replace("%%", "%") for value in _all(text, "Environment")]
    address = place / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(address))
        listener.settimeout(PATIENCE)
        with (place / "journal").open("ab") as journal:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=journal,
                stderr=journal,
                cwd="/",
                env={
                    **{name: os.environ[name] for name in _KEPT if name in os.environ},
                    **dict(pair.split("=", 1) for pair in pairs),
                    "NOTIFY_SOCKET": str(address),
                    "WATCHDOG_USEC": "30000000",
                    "INVOCATION_ID": "0" * 32,
                    "JOURNAL_STREAM": "8:1",
                },
                start_new_session=True,
            )
        process.returncode = 0  # it outlives this program; nobody here waits for it
        (place / "main.pid").write_text(str(process.pid))
        while True:
            told = listener.recv(4096).decode()
            with (place / "told").open("a") as out:
                out.write(told + "\n")
            if "READY=1" in told:
                return True


def _all(text: str, key: str) -> list[str]:
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def _one(text: str, key: str) -> str:
    return _all(text, key)[0]
