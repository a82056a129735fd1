"""A daemon in a home of its own, for the time of one benchmark."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from roost.cli.output import warn
from roost.client.connection import Client
from roost.host.environment import child_environment
from roost.local.paths import find_places
from roost.stage.leftovers import Leftovers

PATIENCE = 60.0
T = TypeVar("T")


class Home:
    """The folders, the environment of children, and the daemon's socket."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = root / "agents.jsonl"
        self.work = root / "work"
        user = root / "home"
        self.work.mkdir()
        user.mkdir()
        self.places = find_places({"ROOST_HOME": str(root / "roost")})
        mine = {
            "HOME": str(user),
            "ROOST_HOME": str(self.places.home),
            "ROOST_DEMO_LOG": str(self.log),
        }
        # An installed package is compiled: a run that may not keep what it compiled is none of the kind.
        apart = ("XDG_", "PYTHONDONTWRITEBYTECODE")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(apart)}
        self.environment = child_environment(inherited, mine)
        self.client = Client(str(self.places.socket), None, warn)

    def roost(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-P", "-m", "roost", *arguments],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        )

    def ask(self, method: str, **params: object) -> Any:  # noqa: ANN401 -- JSON
        return self.client.call(method, params)

    def add(self, name: str, runtime: str, **settings: str) -> None:
        self.ask("add", name=name, settings={"runtime": runtime, "dir": str(self.work), **settings})

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """The journal from a sequence number on."""
        found: list[dict[str, Any]] = []
        self.client.call("events", {"after": after}, on_event=found.append)
        return found

    def row(self, name: str) -> dict[str, Any]:
        return next(row for row in self.ask("list") if row["name"] == name)

    def happened(self, what: str, holding: str = "") -> float | None:
        """When an agent noted this first in its log, Unix seconds; None: not yet."""
        if not self.log.exists():
            return None
        return noted(self.log, what, holding)


def noted(log: Path, what: str, holding: str = "") -> float | None:
    """When the first such line of an agent's log was written, Unix seconds."""
    for line in log.read_text("utf-8").splitlines():
        record = json.loads(line)
        if record["what"] == what and holding in record["text"]:
            return datetime.fromisoformat(record["ts"]).timestamp()
    return None


def program() -> list[str]:
    """How people start roost: its script, where it is installed."""
    script = Path(sys.executable).with_name("roost")
    return [str(script)] if script.exists() else [sys.executable, "-m", "roost"]


def until(look: Callable[[], T | None], why: str) -> T:
    """The first answer of `look` that is not None or False."""
    deadline = time.monotonic() + PATIENCE
    while (value := look()) is None or value is False:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE:g} s: {why}")
        time.sleep(0.002)
    return value


@contextmanager
def folder() -> Generator[Path]:
    """A short temporary folder."""
    root = Path(os.path.realpath(tempfile.mkdtemp(prefix="rb", dir="/tmp")))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def daemon(config: str = "", membership: bytes = b"") -> Generator[Home]:
    """A running daemon, with this configuration and membership; it and all its agents end with the block."""
    with folder() as root:
        home = Home(root)
        left = Leftovers(home.places.home)
        try:
            if config:
                home.places.home.mkdir(mode=0o700)
                home.places.config.write_text(config)
            if membership:
                home.places.state.mkdir(mode=0o700, parents=True, exist_ok=True)
                home.places.membership.write_bytes(membership)
            home.roost("up")
            yield home
            home.roost("down", "--agents")
        finally:
            left.end(wait=False)
