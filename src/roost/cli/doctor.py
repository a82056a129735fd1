"""The checks that need no daemon: this machine, the places, the configuration file, the agents' programs."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from roost.cli.bounded import side_by_side
from roost.cli.client import Record
from roost.config import load_config
from roost.errors import ConfigError, RoostError
from roost.paths import Places

OLDEST_TMUX = (3, 3)
OLDEST_PYTHON = (3, 11)
LEAST_FREE = 100 * 1024 * 1024
"""Bytes below which the disk counts as nearly full."""
LEAST_INODES = 1000
"""Files that can still be made below which the disk counts as nearly full."""
_VERSION_SECONDS = 10.0
_SECONDS = 30.0
"""Seconds for all looks together; a large store is read as a whole."""
_PROGRAMS = {
    "claude": "npm install -g @anthropic-ai/claude-code",
    "codex": "npm install -g @openai/codex",
}


def good(check: str, detail: str) -> Record:
    """A finding: all is well."""
    return {"check": check, "ok": True, "detail": detail, "fix": None}


def wrong(check: str, detail: str, fix: str) -> Record:
    """A finding: something is wrong, and the command that mends it."""
    return {"check": check, "ok": False, "detail": detail, "fix": fix}


def note(check: str, detail: str, fix: str | None = None) -> Record:
    """A finding: worth knowing, not wrong."""
    return {"check": check, "ok": None, "detail": detail, "fix": fix}


def examine(places: Places) -> list[Record]:
    """All findings, in the order in which a person would mend them."""
    looks: list[tuple[str, Callable[[], Iterable[Record]]]] = [
        ("python", lambda: [_python()]),
        ("tmux", lambda: [_tmux()]),
        ("sqlite", lambda: [_sqlite()]),
        ("folders", lambda: _directories(places)),
        ("socket", lambda: [_socket_path(places)]),
        ("disk", lambda: _disks(places)),
        ("store", lambda: [_store(places)]),
        ("config", lambda: [_configuration(places.config)]),
        *((name, lambda name=name: [_program(name, _PROGRAMS[name])]) for name in _PROGRAMS),
    ]
    found = side_by_side([look for _, look in looks], _SECONDS)
    hung = f"not looked at within {_SECONDS:g} s: a disk does not answer"
    return [
        finding
        for (name, _), findings in zip(looks, found, strict=True)
        for finding in (findings if findings is not None else [wrong(name, hung, "findmnt")])
    ]


def _python() -> Record:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return wrong("python", f"{version} is too old; 3.11 or later is needed", "install a newer Python")
    return good("python", version)


def _version(program: str, option: str) -> str:
    """The first line that the program prints about its version; raises OSError or SubprocessError."""
    done = subprocess.run([program, option], capture_output=True, timeout=_VERSION_SECONDS, check=True)
    return done.stdout.decode(errors="replace").strip().partition("\n")[0]


def _tmux() -> Record:
    install = "brew install tmux" if sys.platform == "darwin" else "sudo apt-get install tmux"
    path = shutil.which("tmux")
    if path is None:
        return wrong("tmux", "it is not installed", install)
    try:
        said = _version(path, "-V")
    except (OSError, subprocess.SubprocessError) as error:
        return wrong("tmux", f"{path} -V failed: {error}", install)
    version = parse_tmux(said)
    if version is not None and version < OLDEST_TMUX:
        return wrong("tmux", f"{said} is too old; 3.3 or later is needed", install)
    return good("tmux", f"{said} ({path})") if version else note("tmux", f"{said} ({path})")


def parse_tmux(said: str) -> tuple[int, int] | None:
    """`tmux 3.3a` and `tmux next-3.5` as numbers; None for a build without one (`tmux master`)."""
    digits = said.removeprefix("tmux ").removeprefix("next-").rstrip("abcdefghijklmnopqrstuvwxyz-")
    major, _, minor = digits.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _sqlite() -> Record:
    try:
        import apsw
    except ImportError as error:
        return wrong("sqlite", str(error), "pip install --force-reinstall apsw")
    return good("sqlite", apsw.sqlite_lib_version())


def _directories(places: Places) -> Iterator[Record]:
    for name, path in (
        ("state folder", places.state),
        ("socket folder", places.run),
        ("log folder", places.logs),
    ):
        try:
            info = path.stat()
        except FileNotFoundError:
            yield note(name, f"{path} does not exist yet; `roost up` makes it")
            continue
        except OSError as error:
            yield wrong(name, f"{path}: {error.strerror}", f"ls -ld {path}")
            continue
        yield _directory(name, path, info)


def _directory(name: str, path: Path, info: os.stat_result) -> Record:
    mode = stat.S_IMODE(info.st_mode)
    if not stat.S_ISDIR(info.st_mode):
        return wrong(name, f"{path} is not a folder", f"mv {path} {path}.old")
    if info.st_uid != os.getuid():
        return wrong(name, f"{path} belongs to another user (uid {info.st_uid})", "choose another --home")
    if mode & 0o077:
        return wrong(name, f"{path} is open to other users (mode {mode:04o})", f"chmod 700 {path}")
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        why = f"{path} is on a file system that is mounted read-only"
        return wrong(name, why, f"mount -o remount,rw {_mount_of(path)}")
    if not os.access(path, os.W_OK | os.X_OK):
        return wrong(name, f"{path} cannot be written", f"chmod 700 {path}")
    return good(name, str(path))


def _mount_of(path: Path) -> Path:
    """Where the file system of the path is mounted."""
    return next(each for each in (path, *path.parents) if each.is_mount())


def _socket_path(places: Places) -> Record:
    path = places.socket
    try:
        mode = path.stat().st_mode
    except OSError:
        return note("socket", f"{path} does not exist: no daemon runs here")
    if not stat.S_ISSOCK(mode):
        return wrong("socket", f"{path} is not a socket", f"rm {path}")
    import socket

    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(path))
        except OSError:
            return note("socket", f"{path} is stale: its daemon has ended", "roost up")
    return good("socket", str(path))


def _disks(places: Places) -> Iterator[Record]:
    """Each file system that something of ours lies on, once."""
    seen: set[int] = set()
    for name, path in (
        ("disk", places.state),
        ("log disk", places.logs),
        ("pane log disk", places.panes),
        ("socket disk", places.run),
    ):
        folder = path
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        device = folder.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield _disk(name, folder)


def _disk(name: str, folder: Path) -> Record:
    free = shutil.disk_usage(folder).free
    text = f"{free // (1024 * 1024):,} MiB free at {folder}"
    inodes = os.statvfs(folder)
    if inodes.f_files and inodes.f_favail < LEAST_INODES:
        few = f"{inodes.f_favail} files can still be made at {folder}"
        return wrong(name, few, f"du -x -d 2 --inodes {_mount_of(folder)} | sort -n")
    if free < LEAST_FREE:
        return wrong(name, text, f"du -x -d 2 -h {_mount_of(folder)} | sort -h")
    return good(name, text)


def _store(places: Places) -> Record:
    """Opened and read as a whole: a damage is told before somebody needs the page that it is in.

    Whether it is the right one, a daemon that runs tells by itself.
    """
    from roost.cli.launch import is_held
    from roost.store.errors import StoreDamagedError, StoreEmptyError, StoreMissingError, StoreVersionError
    from roost.store.note import doubt_of, gone, read_note
    from roost.store.reader import Reader

    path, restore = places.database, "roost restore BACKUP"
    try:
        reader = Reader(path)
        try:
            found = reader.check()
            doubt = None if is_held(places.lock) else doubt_of(reader, places.store_note)
        finally:
            reader.close()
    except StoreMissingError:
        ran = read_note(places.store_note)
        if ran is not None:
            return wrong("store", gone(path, ran).message, restore)
        return note("store", f"{path} does not exist yet; `roost up` makes it")
    except StoreVersionError as error:
        newer = error.newer
        return (
            wrong("store", error.message, "upgrade roost")
            if newer
            else note("store", error.message, "roost up")
        )
    except (StoreDamagedError, StoreEmptyError) as error:
        return wrong("store", error.message, restore)
    except RoostError as error:
        return wrong("store", error.message, "df -h; df -i")
    if found:
        return wrong("store", f"{path} is damaged: {found[0]}", restore)
    if doubt is not None:
        return wrong("store", f"{path}: {doubt}", f"{restore}, or roost adopt --store to go on with this one")
    return good("store", str(path))


def _configuration(path: Path) -> Record:
    try:
        load_config(path)
    except ConfigError as error:
        return wrong("config", error.message, f"edit {path}")
    return good("config", str(path) if path.exists() else f"{path} does not exist; the defaults apply")


def _program(name: str, install: str) -> Record:
    path = shutil.which(name)
    if path is None:
        return note(name, "it is not installed; only peers of this runtime need it", install)
    try:
        return good(name, f"{_version(path, '--version')} ({path})")
    except (OSError, subprocess.SubprocessError) as error:
        return wrong(name, f"{path} --version failed: {error}", install)
