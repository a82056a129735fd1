"""With which version of its program a runtime was proven: for this release, or on this machine by a probe."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

PROVEN = {
    "claude": "2.1.332",
    "codex": "0.171.0",
    "codex-thread": "0.171.0",
    "gemini": "0.61.0",
    "opencode": "1.18.33",
}
"""The versions that the end-to-end tests of this release ran with; the pins of the tests are the same."""
_NUMBER = re.compile(r"\d+(?:\.\d+)+\S*")
_ONE_PROCESS = {"GEMINI_CLI_NO_RELAUNCH": "true"}
"""Gemini CLI 0.61.0 starts itself once more even to say its version, which takes twice as long."""
_SECONDS = 60.0
_FILE = "probes.json"


class Probed(Struct, frozen=True):
    """What the latest probe of a runtime came to: `failed` names checks. `at`: Unix seconds."""

    version: str
    at: float
    failed: tuple[str, ...] = ()


def said_version(argv: Sequence[str]) -> str:
    """The first line that a program prints about its version. Raises OSError or SubprocessError.

    One that takes too long ends with what it has started.
    """
    child = subprocess.Popen(
        argv,
        env={**os.environ, **_ONE_PROCESS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)  # noqa: TID251 -- its number is its own until it is read how it ended
        child.communicate()
        raise
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, argv)
    return said.decode(errors="replace").strip().partition("\n")[0]


def version_number(said: str) -> str:
    """The number in what a program says of its version: `codex-cli 0.171.0` is `0.171.0`; else all of it."""
    found = _NUMBER.search(said)
    return found[0] if found else said


def read_probes(state: Path) -> Mapping[str, Probed]:
    """By runtime; what cannot be read was not probed."""
    try:
        data: dict[str, dict[str, Any]] = json.loads((state / _FILE).read_bytes())
        return {name: Probed(row["version"], row["at"], tuple(row["failed"])) for name, row in data.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def write_probe(state: Path, runtime: str, probed: Probed) -> None:
    """Keep what a probe came to, where a roost is. Raises OSError."""
    data = {name: asdict(each) for name, each in {**read_probes(state), runtime: probed}.items()}
    new = state / f"{_FILE}.new"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
        json.dump(data, file)
    new.replace(state / _FILE)
