"""What the shim is told, and what it reports: the files between it and the daemon.

The shim itself (`roost.host.shim`) imports nothing of this; the field names below are the agreement.
"""

import fcntl
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import HostError
from roost.host.files import write_atomic
from roost.host.interfaces.processes import Processes

SHIM = Path(__file__).with_name("shim.py")
DEFAULT_GRACE = 5.0
FIFO = "bell"
"""In the directory of death records: the named pipe that a shim writes its record to as well, in one line."""
LOCK = "lock"
"""In the session's folder: the file that its shim keeps locked as long as it lives."""
_MAX_SIGNAL = 64
_MAX_EXIT_CODE = 255


class BadRecord(HostError):
    """A file of the shim does not hold what it should."""


@dataclass(frozen=True, slots=True)
class Companion:
    """What runs beside an agent, in its environment and folder, and is there before it: `name` in words.

    The agent is started once it listens on `socket`, and ended when it ends. `log`: a file for what it says.
    """

    name: str
    argv: Sequence[str]
    socket: Path
    log: Path


@dataclass(frozen=True, slots=True)
class ShimSpec:
    """One launch.

    `argv`, `env` (whole, with `ROOST_SESSION` and `ROOST_NONCE`), `cwd`: the agent. `spool`: directory of
    death records. `exits_log`: file for `ev=server-exit` lines. `forensics_dir`: directory of snapshots.
    `teardown`: a path; when it exists, the end of the server is deliberate. `started`: where the shim says
    what it started. `grace`: seconds between asking and killing when the shim gets SIGTERM. `pane_log`: what
    the pane wrote, for the snapshot's last lines. `log_size` (bytes), `log_files`: when `exits_log` rotates.
    `umask`, `open_files` (soft limit): the agent's; None: the shim's own. `own_terminal`: it is started in a
    person's terminal, whose environment `env` goes on top of.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    session: str
    peer: str
    generation: int
    nonce: str
    boot: str
    spool: Path
    exits_log: Path
    forensics_dir: Path
    teardown: Path
    started: Path
    grace: float = DEFAULT_GRACE
    pane_log: Path | None = None
    log_size: int = 5 << 20
    log_files: int = 5
    umask: int | None = None
    open_files: int | None = None
    companion: Companion | None = None
    own_terminal: bool = False

    def write(self, path: Path) -> None:
        """Write the spec (0600: the environment holds the session's token). Raises OSError."""
        beside = self.companion
        fields = {
            "argv": list(self.argv),
            "companion": beside
            and {
                "name": beside.name,
                "argv": list(beside.argv),
                "socket": str(beside.socket),
                "log": str(beside.log),
            },
            "env": dict(self.env),
            "session": self.session,
            "peer": self.peer,
            "generation": self.generation,
            "nonce": self.nonce,
            "boot": self.boot,
            "grace": self.grace,
            "pane_log": None if self.pane_log is None else str(self.pane_log),
            "log_size": self.log_size,
            "log_files": self.log_files,
            "umask": self.umask,
            "open_files": self.open_files,
            "own_terminal": self.own_terminal,
            **{
                name: str(place)
                for name, place in (
                    ("cwd", self.cwd),
                    ("spool", self.spool),
                    ("exits_log", self.exits_log),
                    ("forensics_dir", self.forensics_dir),
                    ("teardown", self.teardown),
                    ("started", self.started),
                )
            },
        }
        write_atomic(path, json.dumps(fields).encode(), durable=False)


def shim_argv(spec: Path, python: str = sys.executable) -> list[str]:
    """The command of a session's pane for a written spec."""
    # UTF-8 whatever the locale says: argv and environment hold any text.
    return [python, "-S", "-E", "-I", "-X", "utf8", str(SHIM), str(spec)]


@dataclass(frozen=True, slots=True)
class Started:
    """What the shim started.

    With `error`, the agent's program never ran, `errno` is the system's reason, and the rest is empty.
    """

    agent: ProcessId | None
    shim: ProcessId | None
    server: ProcessId | None
    error: str | None
    errno: int | None = None


def read_started(path: Path, processes: Processes) -> Started | None:
    """The shim's report; None when there is none yet. Raises BadRecord.

    Where the shim cannot read start times itself (macOS), they are looked up now.
    """
    facts = _load(path)
    if facts is None:
        return None
    error = facts.get("error")
    if error is not None:
        number = facts.get("errno")
        return Started(None, None, None, str(error), number if isinstance(number, int) else None)
    boot = _text(path, facts, "boot")

    def process(name: str) -> ProcessId | None:
        return _process(facts.get(name), boot) or _look_up(facts.get(name), processes)

    return Started(process("agent"), process("shim"), process("server"), None)


def is_locked(folder: Path) -> bool | None:
    """Whether the shim of the session with this folder lives, on any host; None: its lock does not tell."""
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return False


@dataclass(frozen=True, slots=True)
class DeathRecord:
    """How an agent ended, as its shim saw it.

    `at`: Unix seconds. Exactly one of `exit_code` and `signal` is set. `cause`: None for an agent that ended
    by itself, else `boot-failed` (with `error`), `companion-ended` (code or signal are those of what ran
    beside it, and it was ended with that), `server-exit`, `terminal-closed` (its pane was closed while
    the tmux server went on), `teardown`, or `terminated` (the shim was asked by SIGTERM). `oom`: whether the
    kernel killed it for memory, None when that cannot be known. `children_left`: pids that outlived it; the
    shim goes on to end them.
    """

    session: str
    peer: str
    generation: int
    nonce: str
    boot: str
    at: float
    exit_code: int | None
    signal: int | None
    core: bool
    agent: ProcessId | None
    cause: str | None
    error: str | None
    oom: bool | None
    server_alive: bool
    children_left: tuple[int, ...]


def read_death(path: Path) -> DeathRecord:
    """Read one death record. Raises BadRecord when it is missing or not what a shim writes."""
    facts = _load(path)
    if facts is None:
        raise BadRecord(f"{path} does not exist")
    return _death(path, facts)


def parse_death(path: Path, text: bytes) -> DeathRecord:
    """The death record that was written to `path`, from its text. Raises BadRecord."""
    return _death(path, _object(path, text))


def _death(path: Path, facts: Mapping[str, object]) -> DeathRecord:
    boot = _text(path, facts, "boot")
    exit_code = _number(path, facts, "exit_code", _MAX_EXIT_CODE)
    signal = _number(path, facts, "signal", _MAX_SIGNAL)
    if (exit_code is None) == (signal is None):
        raise BadRecord(f"{path}: exactly one of exit_code and signal must be set")
    generation, at, left = facts.get("generation"), facts.get("at"), facts.get("children_left", [])
    if not isinstance(generation, int) or not isinstance(at, int | float) or not isinstance(left, list):
        raise BadRecord(f"{path}: generation, at or children_left is missing or of the wrong type")
    oom = facts.get("oom")
    return DeathRecord(
        session=_text(path, facts, "session"),
        peer=_text(path, facts, "peer"),
        generation=generation,
        nonce=_text(path, facts, "nonce"),
        boot=boot,
        at=float(at),
        exit_code=exit_code,
        signal=signal,
        core=facts.get("core") is True,
        agent=_process(facts.get("agent"), boot),
        cause=_optional_text(facts.get("cause")),
        error=_optional_text(facts.get("error")),
        oom=oom if isinstance(oom, bool) else None,
        server_alive=facts.get("server_alive") is True,
        children_left=tuple(pid for pid in cast("list[object]", left) if isinstance(pid, int)),
    )


def _load(path: Path) -> dict[str, Any] | None:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadRecord(f"{path} cannot be read: {error}") from error
    return _object(path, text)


def _object(path: Path, text: bytes) -> dict[str, Any]:
    try:
        facts: object = json.loads(text)
    except ValueError as error:
        raise BadRecord(f"{path} cannot be read: {error}") from error
    if not isinstance(facts, dict):
        raise BadRecord(f"{path} does not hold a JSON object")
    return cast("dict[str, Any]", facts)


def _text(path: Path, facts: Mapping[str, object], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str) or not value:
        raise BadRecord(f"{path}: {name} is missing or not a string")
    return value


def _optional_text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(path: Path, facts: Mapping[str, object], name: str, most: int) -> int | None:
    value = facts.get(name)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise BadRecord(f"{path}: {name} is not a number from 0 to {most}")
    return value


def _process(facts: object, boot: str) -> ProcessId | None:
    if not isinstance(facts, dict):
        return None
    known = cast("dict[str, object]", facts)
    pid, start = known.get("pid"), known.get("start")
    return ProcessId(boot, pid, start) if isinstance(pid, int) and isinstance(start, int) else None


def _look_up(facts: object, processes: Processes) -> ProcessId | None:
    pid = cast("dict[str, object]", facts).get("pid") if isinstance(facts, dict) else None
    return processes.identify(pid) if isinstance(pid, int) else None
