"""What a daemon takes from whoever starts it, and what of that its agents get. All of it is chosen here.

A start from outside of every session takes the starter's. A start from within a session, which an agent's
program, its shell and the peer's own settings have shaped, takes what the latest start from outside left in
the state folder.
"""

import json
import os
import pwd
import resource
import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from roost.host.environment import child_environment, is_passed
from roost.host.files import write_atomic
from roost.host.process_table import NONCE_VARIABLE, SESSION_VARIABLE

PRIVATE = 0o077
"""The umask of the daemon, its tmux servers and its shims."""
_USUAL_UMASK = 0o022
_USUAL_FILES = 1024
_USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OUR_OWN = ("DBUS_SESSION_BUS_ADDRESS", "LD_LIBRARY_PATH", "PYTHONPATH", "TERMINFO", "TERMINFO_DIRS")
"""What the daemon itself may need beside what agents get."""


class Inheritance(Struct, frozen=True):
    """`environ`: what agents are given the passed names of. `umask`, `open_files` (soft limit): the agents'.

    `config`: the configuration file. `notes`: what had to be put right, in words.
    """

    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    umask: int = _USUAL_UMASK
    open_files: int = _USUAL_FILES
    config: str | None = None
    notes: tuple[str, ...] = ()


def is_planted(environ: Mapping[str, str]) -> bool:
    """Whether an environment is that of a session."""
    return any(name in environ for name in (SESSION_VARIABLE, NONCE_VARIABLE, "ROOST_TOKEN"))


def take(environ: Mapping[str, str]) -> Inheritance:
    """What this process was started with.

    What nobody is to have of it is put right: our umask is private, no signal is blocked, ended children can
    be waited for, no folder is kept busy.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir("/")
    environ, notes = completed(environ)
    return Inheritance(
        environ=environ,
        umask=os.umask(PRIVATE),
        open_files=resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        notes=notes,
    )


def completed(environ: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """An environment with what every login has, and without a runtime folder of somebody else's.

    cron, `env -i` and containers leave out the former; `su` passes on the latter, and whoever connects to
    what is in it talks to another user's services.
    """
    user = os.getuid()
    whole = {**_login(user), **environ}
    notes: list[str] = []
    runtime = whole.get("XDG_RUNTIME_DIR")
    if runtime is not None and not _is_of(user, runtime):
        notes.append(f"XDG_RUNTIME_DIR was {runtime}, which is not this user's folder")
        del whole["XDG_RUNTIME_DIR"]
        if _is_of(user, f"/run/user/{user}"):
            whole["XDG_RUNTIME_DIR"] = f"/run/user/{user}"
    return whole, tuple(notes)


def _login(user: int) -> dict[str, str]:
    found = {"PATH": _USUAL_PATH}
    try:
        entry = pwd.getpwuid(user)
    except KeyError:  # as in a container with a user of no name
        return found
    login = {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name, "SHELL": entry.pw_shell}
    return {**found, **{name: value for name, value in login.items() if value}}


def _is_of(user: int, folder: str) -> bool:
    """Whether a folder is there, and the user's own."""
    try:
        return os.stat(folder).st_uid == user  # noqa: PTH116 -- any text
    except (OSError, ValueError):
        return False


def keep(path: Path, inheritance: Inheritance, passes: Iterable[str]) -> None:
    """Leave it for a start from within a session (0600): of the environment what agents may be given.

    Raises OSError.
    """
    allowed = tuple(passes)
    environ = {
        name: value
        for name, value in inheritance.environ.items()
        if name in _OUR_OWN or is_passed(name, allowed)
    }
    facts = asdict(replace(inheritance, environ=environ, notes=()))
    write_atomic(path, json.dumps(facts).encode(), durable=False)


def kept(path: Path) -> Inheritance | None:
    """What the latest start from outside left; None: nothing that can be used."""
    try:
        facts: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(facts, dict):
        return None
    found = cast("dict[str, Any]", facts)
    environ, config = found.get("environ"), found.get("config")
    umask, files = found.get("umask"), found.get("open_files")
    if not isinstance(environ, dict) or not isinstance(umask, int) or not isinstance(files, int):
        return None
    pairs = cast("dict[object, object]", environ)
    return Inheritance(
        environ={
            name: value for name, value in pairs.items() if isinstance(name, str) and isinstance(value, str)
        },
        umask=umask & 0o777,
        open_files=files,
        config=config if isinstance(config, str) else None,
    )


def unplanted(path: Path, environ: Mapping[str, str]) -> Inheritance:
    """What a start from within a session takes: what was kept at `path`, else the general names alone."""
    found = kept(path)
    if found is not None:
        return found
    general = child_environment(environ, {name: environ[name] for name in _OUR_OWN if name in environ})
    for name in ("TERM", "COLORTERM"):
        del general[name]
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return Inheritance(completed(general)[0], open_files=files)
