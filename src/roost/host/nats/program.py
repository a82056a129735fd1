"""The nats-server that is installed here, and whether it will do as a hub."""

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import NamedTuple

from roost.errors import HostError

LEAST = (2, 10)
_SECONDS = 10.0
_INSTALL = (
    "install it (Debian 13 and Homebrew: `nats-server`; docs/how-to/fleet.md tells how on an older system)"
)


class ServerMissing(HostError):
    """There is no nats-server here that will do."""


class Program(NamedTuple):
    """Where it is, and its version."""

    path: str
    version: str


def find_program(environ: Mapping[str, str]) -> Program:
    """Blocking: the nats-server of the PATH. Raises ServerMissing, with the reason and the next step."""
    path = shutil.which("nats-server", path=environ.get("PATH"))
    if path is None:
        raise ServerMissing(f"a hub is a nats-server, and there is none here; {_INSTALL}, then try again")
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerMissing(f"{path} does not run: {error}; {_INSTALL}, then try again") from error
    return checked(path, done.stdout + done.stderr)


def checked(path: str, said: str) -> Program:
    """The program, by what it says of its version. Raises ServerMissing."""
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    if found is None:
        raise ServerMissing(f"{path} does not tell its version; {_INSTALL}, then try again")
    version = found[0][1:]
    if (int(found[1]), int(found[2])) < LEAST:
        raise ServerMissing(
            f"{path} is {version}, which acknowledges before it has written and cannot do otherwise"
            f" (no `sync_interval: always`); 2.10 or later is needed: {_INSTALL}, then try again"
        )
    return Program(path, version)
