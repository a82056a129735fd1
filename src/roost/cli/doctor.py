"""The checks that need no daemon: this machine, the places, the configuration file, the agents' programs."""

import os
import shutil
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from roost.cli.client import Record
from roost.paths import Places

OLDEST_TMUX = (3, 3)
OLDEST_PYTHON = (3, 11)
LEAST_FREE = 100 * 1024 * 1024
"""Bytes below which the disk counts as nearly full."""
_VERSION_SECONDS = 10.0
_PROGRAMS = {
    "claude": "npm install -g @anthropic-ai/claude-code",
    "codex": "npm install -g @openai/codex",
}


def finding(check: str, ok: bool | None, detail: str, fix: str | None = None) -> Record:  # noqa: FBT001 -- the verdict
    """One finding; `ok` None: worth knowing, not wrong."""
    return {"check": check, "ok": ok, "detail": detail, "fix": fix}


def examine(places: Places) -> list[Record]:
    """All findings, in the order in which a person would mend them."""
    return [
        _python(),
        _tmux(),
        _sqlite(),
        *_directories(places),
        _socket_path(places),
        _disk(places),
        _configuration(places.config),
        *(_program(name, install) for name, install in _PROGRAMS.items()),
    ]


def _python() -> Record:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < OLDEST_PYTHON:
        return finding("python", False, f"{version} is too old; 3.11 or later is needed", "install a newer Python")  # noqa: FBT003
    return finding("python", True, version)  # noqa: FBT003


def _version(program: str, option: str) -> str:
    """The first line that the program prints about its version; raises OSError or SubprocessError."""
    done = subprocess.run([program, option], capture_output=True, timeout=_VERSION_SECONDS, check=True)
    return done.stdout.decode(errors="replace").strip().partition("\n")[0]


def _tmux() -> Record:
    install = "brew install tmux" if sys.platform == "darwin" else "sudo apt-get install tmux"
    path = shutil.which("tmux")
    if path is None:
        return finding("tmux", False, "it is not installed", install)  # noqa: FBT003
    try:
        said = _version(path, "-V")
    except (OSError, subprocess.SubprocessError) as error:
        return finding("tmux", False, f"{path} -V failed: {error}", install)  # noqa: FBT003
    version = parse_tmux(said)
    if version is not None and version < OLDEST_TMUX:
        return finding("tmux", False, f"{said} is too old; 3.3 or later is needed", install)  # noqa: FBT003
    return finding("tmux", True if version else None, f"{said} ({path})")


def parse_tmux(said: str) -> tuple[int, int] | None:
    """`tmux 3.3a` and `tmux next-3.5` as numbers; None for a build without one (`tmux master`)."""
    digits = said.removeprefix("tmux ").removeprefix("next-").rstrip("abcdefghijklmnopqrstuvwxyz-")
    major, _, minor = digits.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def _sqlite() -> Record:
    try:
        import apsw
    except ImportError as error:
        return finding("sqlite", False, str(error), "pip install --force-reinstall apsw")  # noqa: FBT003
    return finding("sqlite", True, apsw.sqlite_lib_version())  # noqa: FBT003


def _directories(places: Places) -> Iterator[Record]:
    for name, path in (("state folder", places.state), ("socket folder", places.run), ("log folder", places.logs)):
        try:
            info = path.stat()
        except FileNotFoundError:
            yield finding(name, None, f"{path} does not exist yet; `roost up` makes it")
            continue
        except OSError as error:
            yield finding(name, False, f"{path}: {error.strerror}", f"ls -ld {path}")  # noqa: FBT003
            continue
        yield _directory(name, path, info)


def _directory(name: str, path: Path, info: os.stat_result) -> Record:
    mode = stat.S_IMODE(info.st_mode)
    if not stat.S_ISDIR(info.st_mode):
        return finding(name, False, f"{path} is not a folder", f"mv {path} {path}.old")  # noqa: FBT003
    if info.st_uid != os.getuid():
        return finding(name, False, f"{path} belongs to another user (uid {info.st_uid})", "choose another --home")  # noqa: FBT003
    if mode & 0o077:
        return finding(name, False, f"{path} is open to other users (mode {mode:04o})", f"chmod 700 {path}")  # noqa: FBT003
    if not os.access(path, os.W_OK | os.X_OK):
        return finding(name, False, f"{path} cannot be written", f"chmod 700 {path}")  # noqa: FBT003
    return finding(name, True, str(path))  # noqa: FBT003


def _socket_path(places: Places) -> Record:
    path = places.socket
    try:
        mode = path.stat().st_mode
    except OSError:
        return finding("socket", None, f"{path} does not exist: no daemon runs here")
    if not stat.S_ISSOCK(mode):
        return finding("socket", False, f"{path} is not a socket", f"rm {path}")  # noqa: FBT003
    import socket

    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(path))
        except OSError:
            return finding("socket", None, f"{path} is stale: its daemon has ended", "roost up")
    return finding("socket", True, str(path))  # noqa: FBT003


def _disk(places: Places) -> Record:
    folder = places.state
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    text = f"{free // (1024 * 1024):,} MiB free at {folder}"
    if free < LEAST_FREE:
        return finding("disk", False, text, f"du -x -d 2 -h {folder} | sort -h")  # noqa: FBT003
    return finding("disk", True, text)  # noqa: FBT003


def _configuration(path: Path) -> Record:
    try:
        text = path.read_bytes().decode()
        tomllib.loads(text)
    except FileNotFoundError:
        return finding("config", True, f"{path} does not exist; the defaults apply")  # noqa: FBT003
    except UnicodeDecodeError as error:
        return finding("config", False, f"{path} is not UTF-8 (byte {error.start})", f"edit {path}")  # noqa: FBT003
    except tomllib.TOMLDecodeError as error:
        return finding("config", False, f"{path}: {error}", f"edit {path}")  # noqa: FBT003
    except OSError as error:
        return finding("config", False, f"{path}: {error.strerror}", f"ls -l {path}")  # noqa: FBT003
    return finding("config", True, str(path))  # noqa: FBT003


def _program(name: str, install: str) -> Record:
    path = shutil.which(name)
    if path is None:
        return finding(name, None, "it is not installed; only peers of this runtime need it", install)
    try:
        return finding(name, True, f"{_version(path, '--version')} ({path})")  # noqa: FBT003
    except (OSError, subprocess.SubprocessError) as error:
        return finding(name, False, f"{path} --version failed: {error}", install)  # noqa: FBT003
