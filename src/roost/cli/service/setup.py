"""What a service is made from: the interpreter, the environment, the machine."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from roost.local.paths import Places, find_places

KEPT = ("PATH", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME")
"""What of the installer's environment decides where things are; a service starts with hardly any."""
GC_SECONDS = 600
"""Seconds between two sweeps."""


class Setup(NamedTuple):
    """One service to be. `machine`: the machine's id, where it is known; a shared home has several."""

    python: str
    environ: Mapping[str, str]
    machine: str | None = None

    @property
    def daemon(self) -> tuple[str, ...]:
        """The daemon's command line."""
        return (self.python, "-P", "-X", "utf8", "-m", "roost.daemon")

    @property
    def sweep(self) -> tuple[str, ...]:
        """The sweep's command line (L8)."""
        return (self.python, "-P", "-m", "roost", "gc")


def current_setup(environ: Mapping[str, str], home: str | None) -> Setup:
    """The service that this installation would be, in the folder `home` (None: the XDG folders).

    `sys.executable` is the interpreter itself, never a shim of a version manager.
    """
    kept = {name: environ[name] for name in KEPT if environ.get(name)}
    if home is not None:
        kept["ROOST_HOME"] = home
    return Setup(sys.executable, kept, machine_id())


def machine_id(path: Path = Path("/etc/machine-id")) -> str | None:
    """The machine's id (machine-id(5)), None where it has none."""
    try:
        found = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return found if len(found) == 32 and found.isalnum() else None  # noqa: PLR2004 -- 128 bits in hexadecimal


def places_of(environ: Mapping[str, str]) -> Places:
    """The places of a service that was installed with these variables."""
    return find_places({"HOME": os.environ.get("HOME", ""), **environ})
