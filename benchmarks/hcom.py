"""hcom as its users run it: one command of the program for each act, in a home of its own.

hcom 0.7.31, looked at with strace: `send` opens its SQLite database, commits with fsync and closes it, five
fsyncs in all; a file `update_check` of today among its flags keeps it from asking the network for a newer
version; it starts no process for `start`, `list` and `send` then.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.home import PATIENCE, folder
from roost.stage.leftovers import Leftovers

_ROOT = Path(__file__).resolve().parents[1]
_LOCK = _ROOT / "requirements" / "hcom.txt"
_PLACE = _ROOT / ".cache" / "hcom"
_INSTALL_PATIENCE = 300.0


class Hcom:
    """The program, and the folder that is its home."""

    def __init__(self, program: Path, root: Path) -> None:
        self._program = program
        self._root = root
        flags = root / ".hcom" / ".tmp" / "flags"
        flags.mkdir(parents=True)
        (flags / "update_check").touch()
        # Nothing of the caller's: neither the marks of an agent nor a PATH with programs to start.
        self._environment = {
            "HOME": str(root),
            "HCOM_DIR": str(root / ".hcom"),
            "PATH": str(root / "no-programs"),
            "ROOST_HOME": str(root),  # hcom does not read it: it marks what hcom starts as ours
        }

    def run(self, *arguments: str) -> str:
        """What a command printed; raises RuntimeError when it failed or did not end."""
        try:
            done = subprocess.run(
                [self._program, *arguments],
                env=self._environment,
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RuntimeError(f"hcom {arguments[0]} did not end within {PATIENCE:g} s") from error
        if done.returncode != 0:
            raise RuntimeError(f"hcom {arguments[0]} failed: {_last(done.stderr or done.stdout)}")
        return done.stdout

    def join(self) -> str:
        """Register a name as an agent without hooks does; returns the name."""
        name = joined_as(self.run("start"))
        # A name that has never acted is taken for a failed launch after half a minute.
        self.run("list", "self", "--json", "--name", name)
        return name

    def unread(self) -> dict[str, int]:
        """Messages that wait, by name."""
        rows: list[dict[str, Any]] = json.loads(self.run("list", "--json"))
        return {row["name"]: row["unread_count"] for row in rows}


def joined_as(printed: str) -> str:
    """The name that `hcom start` gave, from its first line."""
    found = re.match(r"\[hcom:([a-z0-9-]+)\]", printed)
    if found is None:
        raise RuntimeError(f"hcom start did not say which name it gave: {printed[:80]!r}")
    return found[1]


@contextmanager
def hcom(program: Path | None = None) -> Iterator[Hcom]:
    """This program, or the locked version, in a home of its own; what it started ends with the block."""
    program = program or _installed()
    with folder() as root:
        left = Leftovers(root)
        try:
            yield Hcom(program, root)
        finally:
            left.end(wait=False)


def _installed() -> Path:
    """The locked version from PyPI, kept in the checkout's cache folder; raises RuntimeError."""
    program, stamp, wanted = _PLACE / "bin" / "hcom", _PLACE / "lock", _LOCK.read_text()
    if program.exists() and stamp.exists() and stamp.read_text() == wanted:
        return program
    shutil.rmtree(_PLACE, ignore_errors=True)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    ]
    wheel = ["--only-binary", ":all:", "--target", str(_PLACE), "--requirement", str(_LOCK)]
    try:
        done = subprocess.run(
            [*pip, *wheel], capture_output=True, text=True, timeout=_INSTALL_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"pip did not end within {_INSTALL_PATIENCE:g} s") from error
    if done.returncode != 0:
        raise RuntimeError(f"hcom could not be installed from PyPI: {said_by_pip(done.stderr)}")
    stamp.write_text(wanted)
    return program


def said_by_pip(errors: str) -> str:
    """pip's first error, which is the reason; what follows are its details."""
    return next((line for line in errors.splitlines() if line.startswith("ERROR: ")), _last(errors))


def _last(text: str) -> str:
    """The last line that says something."""
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it printed nothing")
