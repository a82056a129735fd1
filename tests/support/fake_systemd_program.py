"""What the programs of `fake_systemd` do."""

import json
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
from pathlib import Path

PATIENCE = 30.0
_KEPT = ("HOME", "USER", "XDG_RUNTIME_DIR", "ROOST_TEST_RUN", "ROOST_DEMO_LOG")


def main(program: str, folder: str, argv: list[str]) -> int:
    """Write the call down, then fail, hang, or act."""
    place = Path(folder)
    with (place / "calls.jsonl").open("a") as log:
        log.write(json.dumps({"program": program, "argv": argv}) + "\n")
    mode_file = place / f"{program}.mode"
    mode = mode_file.read_text() if mode_file.exists() else ""
    if mode == "fail":
        sys.stderr.write("Failed to connect to bus: No medium found\n")
        return 1
    if mode == "old" and any("OOMPolicy" in word for word in argv):
        sys.stderr.write("Unknown assignment: OOMPolicy=continue\n")
        return 1
    if mode == "hang":
        select.select([], [], [], 600)
        return 1
    if program == "loginctl" and argv[0] == "enable-linger":
        mode_file.write_text("linger")
        (place / "systemctl.mode").unlink(missing_ok=True)  # the user's manager runs from then on
        return 0
    if program == "loginctl":
        sys.stdout.write(f"Linger={'yes' if mode == 'linger' else 'no'}\n")
        return 0
    if program == "systemd-run":
        return _run_in_scope(argv)
    return _systemctl(place, [word for word in argv if not word.startswith("--") or word == "--now"])


def _run_in_scope(argv: list[str]) -> int:
    """Options, then the command, which takes this process's place as in a scope."""
    words = list(argv)
    while words and words[0].startswith("--"):
        if words.pop(0) == "--":
            break
    os.execvp(words[0], words)  # noqa: S606 -- as systemd-run does
    return 1


def _systemctl(place: Path, words: list[str]) -> int:
    verb, units = words[0], [word for word in words[1:] if not word.startswith("--")]
    if verb == "is-active":
        active = _is_active(place, units[0])
        failed = (place / f"{units[0]}.failed").exists()
        sys.stdout.write("active\n" if active else "failed\n" if failed else "inactive\n")
        return 0 if active else 3
    if verb == "is-enabled":
        enabled = (place / f"{units[0]}.enabled").exists()
        sys.stdout.write("enabled\n" if enabled else "disabled\n")
        return 0 if enabled else 1
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


def _is_active(place: Path, unit: str) -> bool:
    if unit != "roost.service":
        return (place / f"{unit}.active").exists()
    pid = place / "main.pid"
    return pid.exists() and _alive(int(pid.read_text()))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def _stop(place: Path, unit: str) -> None:
    """SIGTERM to the main process alone, as KillMode=process says."""
    (place / f"{unit}.active").unlink(missing_ok=True)
    if unit != "roost.service" or not _is_active(place, unit):
        return
    handle = os.pidfd_open(int((place / "main.pid").read_text()))
    signal.pidfd_send_signal(handle, signal.SIGTERM)
    select.select([handle], [], [], PATIENCE)
    (place / "main.pid").unlink()


def _start(place: Path, unit: str) -> bool:
    """Start the unit's command with the unit's environment, and wait for READY=1."""
    if _is_active(place, unit):
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
