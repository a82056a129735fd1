"""A temporary home: its folders, its daemon, its processes. Nothing outside it is touched."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from roost.client.connection import Answer, Client, ConnectionLostError, Record
from roost.core.vocabulary.identity import ProcessId
from roost.host.environment import child_environment
from roost.host.interfaces.processes import Liveness
from roost.host.process import SystemProcesses
from roost.local.paths import Places, find_places
from roost.stage.errors import StepError
from roost.stage.leftovers import Leftovers

PATIENCE = 20.0
"""Seconds that anything may take that needs no model; each takes far less where all is well."""
ANSWER = 120.0
"""Seconds for the daemon to answer what it has to wait for itself."""
_LOOK_AGAIN = (0.005, 0.1)
"""Seconds between two looks: the shortest, and the longest, which is reached after one second."""
_TEMPORARY = Path("/tmp")  # noqa: S108 -- mkdtemp makes it private; a short path, as socket paths are limited
T = TypeVar("T")


class _FoundError(Exception):
    """Leaves the endless stream of events with the one that was awaited."""

    def __init__(self, event: Record) -> None:
        """Carry the event out."""
        super().__init__()
        self.event = event


class Stage:
    """A temporary home, seen as a user and a program see it."""

    def __init__(
        self, name: str, tell: Callable[[str], None], environ: Mapping[str, str] | None = None
    ) -> None:
        """Make the folders; `name` stands in the path. `tell` gets what the daemon says to its users.

        `environ`: what its daemon and commands get beside an ordinary environment without XDG folders.
        """
        parent = _TEMPORARY if os.access(_TEMPORARY, os.W_OK) else None
        self.root = Path(os.path.realpath(tempfile.mkdtemp(prefix=f"roost-{name}-", dir=parent)))
        user = self.root / "home"
        user.mkdir()
        home = self.root / "roost"
        self.places: Places = find_places({"ROOST_HOME": str(home)})
        mine = {"HOME": str(user), **(environ or {}), "ROOST_HOME": str(home)}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
        self.environ = child_environment(inherited, mine)
        self.processes = SystemProcesses()
        self.leftovers = Leftovers(home)
        self._tell = tell
        self._client = Client(str(self.places.socket), None, tell)

    def folder(self, name: str) -> Path:
        """Make a folder for a peer to work in, below the one in which commands run."""
        (self.root / name).mkdir()
        return self.root / name

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person would. Raises StepError when it takes too long."""
        try:
            return subprocess.run(
                [sys.executable, "-P", "-m", "roost", *arguments],
                env=self.environ,
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise StepError(f"`roost {arguments[0]}` was not done after {PATIENCE:g} s") from error

    def ask(self, method: str, **params: object) -> Answer:
        """One request to the daemon. Raises RoostError."""
        return self._client.call(method, params, patience=ANSWER)

    def row(self, name: str) -> Record:
        """A peer's row of the registry."""
        return next(row for row in self.ask("list") if row["name"] == name)

    def agent(self, name: str) -> ProcessId:
        """The identity of a peer's agent process, verified by what its launcher planted in it."""
        session = self.row(name)["session"]
        if session is None:
            raise StepError(f"'{name}' has no session")
        found = self.processes.identify(session["agent_pid"])
        marker = self.processes.environ_marker(session["agent_pid"])
        if found is None or marker is None or marker.session != session["id"]:
            raise StepError(f"pid {session['agent_pid']} is not the agent of '{name}'")
        return found

    def daemon(self) -> ProcessId:
        """The identity of the daemon process, verified by the home in its environment."""
        pid: int = self.ask("status")["pid"]
        found = next((each for each in self.leftovers.find() if each.pid == pid), None)
        if found is None:
            raise StepError(f"pid {pid} is not the daemon of {self.places.home}")
        return found

    def kill(self, process: ProcessId, signum: int) -> None:
        """Signal that very process; StepError when it is gone."""
        if not self.processes.signal(process, signum):
            raise StepError(f"process {process.pid} was gone before it could be signalled")

    def live_sessions(self, process: ProcessId) -> bool:
        """Whether that very process lives."""
        return self.processes.probe(process).liveness is Liveness.ALIVE

    def last_event(self) -> int:
        """The number of the journal's latest event."""
        numbers: list[int] = [0]
        self._client.call("events", on_event=lambda event: numbers.append(event["seq"]))
        return max(numbers)

    def event(self, after: int, peer: str, kind: str, message: str | None = None) -> Record:
        """The first such event later than number `after`, waited for; StepError when it does not come."""
        deadline = time.monotonic() + PATIENCE

        def look(event: Record) -> None:
            if event["kind"] == kind and message in (None, event["message"]):
                raise _FoundError(event)
            if time.monotonic() >= deadline:
                raise StepError(f"no event '{kind}' of '{peer}' within {PATIENCE:g} s")

        try:
            self._client.call(
                "events", {"after": after, "peer": peer, "follow": True}, on_event=look, patience=PATIENCE
            )
        except _FoundError as found:
            return found.event
        except ConnectionLostError as error:
            raise StepError(f"no event '{kind}' of '{peer}' within {PATIENCE:g} s") from error
        raise StepError(f"the journal ended before an event '{kind}' of '{peer}'")

    def until(
        self,
        look: Callable[[], T | None],
        why: str,
        *,
        patience: float = PATIENCE,
        shows: Callable[[], str] | None = None,
    ) -> T:
        """The first true value of `look`; StepError, with what it `shows`, after `patience` seconds."""
        begun = time.monotonic()
        while not (value := look()):
            waited = time.monotonic() - begun
            if waited >= patience:
                seen = f" ({shows()})" if shows is not None else ""
                raise StepError(f"not within {patience:g} s: {why}{seen}")
            shortest, longest = _LOOK_AGAIN
            time.sleep(min(max(waited * longest, shortest), longest))
        return value

    def close(self, *, keep: bool) -> list[str]:
        """End what still runs; remove the folders unless they are to be kept.

        Returns the processes that a daemon's orderly end did not take along, as people read them.
        """
        orderly = False
        if self.leftovers.find():
            try:
                orderly = self.run("down", "--agents").returncode == 0
            except StepError as error:
                self._tell(error.message)
        left = self.leftovers.end(wait=orderly)
        if not keep:
            shutil.rmtree(self.root, ignore_errors=True)
            if not self.places.run.is_relative_to(self.root):
                shutil.rmtree(self.places.run, ignore_errors=True)
        return left
