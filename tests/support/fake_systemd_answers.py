"""What the programs of `fake_systemd` answer without doing anything, which most calls ask for.

Hardly anything is loaded for it: a program that had all that a start needs took three times as long.
"""

import os
import select
import sys


def answer(program: str, folder: str, argv: list[str]) -> int | None:
    """Write the call down, then fail, hang, or answer: the exit code. None: there is something to do."""
    with open(f"{folder}/calls", "a") as log:  # noqa: PTH123 -- pathlib is not loaded here
        log.write(f"{[program, argv]!r}\n")
    mode = _text(f"{folder}/{program}.mode")
    if mode == "fail":
        sys.stderr.write("Failed to connect to bus: No medium found\n")
        return 1
    if mode == "old" and any("OOMPolicy" in word for word in argv):
        sys.stderr.write("Unknown assignment: OOMPolicy=continue\n")
        return 1
    while mode == "hang":
        select.select([], [], [], 600)
    if program == "systemd-run":
        return _run_in_scope(argv)
    if program == "loginctl" and argv[0] != "enable-linger":
        sys.stdout.write(f"Linger={'yes' if mode == 'linger' else 'no'}\n")
        return 0
    words = [word for word in argv if not word.startswith("--")]
    return _told(folder, *words) if program == "systemctl" else None


def is_active(folder: str, unit: str) -> bool:
    """Whether the daemon that was started lives, or another unit was."""
    if unit != "roost.service":
        return _is_there(f"{folder}/{unit}.active")
    pid = _text(f"{folder}/main.pid")
    state = _text(f"/proc/{pid}/stat").rpartition(")")[2].split() if pid else []
    return bool(state) and state[0] not in "ZX"


def _told(folder: str, verb: str, *units: str) -> int | None:
    if verb == "is-active":
        active = is_active(folder, units[0])
        failed = _is_there(f"{folder}/{units[0]}.failed")
        sys.stdout.write("active\n" if active else "failed\n" if failed else "inactive\n")
        return 0 if active else 3
    if verb == "is-enabled":
        enabled = _is_there(f"{folder}/{units[0]}.enabled")
        sys.stdout.write("enabled\n" if enabled else "disabled\n")
        return 0 if enabled else 1
    return None if units else 0


def _run_in_scope(argv: list[str]) -> int:
    """Options, then the command, which takes this process's place as in a scope."""
    words = list(argv)
    while words and words[0].startswith("--"):
        if words.pop(0) == "--":
            break
    os.execvp(words[0], words)  # noqa: S606 -- as systemd-run does
    return 1


def _is_there(path: str) -> bool:
    return os.access(path, os.F_OK)


def _text(path: str) -> str:
    try:
        with open(path) as file:  # noqa: PTH123 -- as above
            return file.read()
    except OSError:
        return ""
