"""The stand-in app-server as a process that a test starts, holds and kills."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.codex_client import CodexClient
from tests.support.home import Home, environment
from tests.support.lines import json_lines
from tests.support.wait import wait_until

PATIENCE = 30.0


@dataclass(slots=True)
class StandIn:
    """One stand-in. `truth` has a line for each prompt that it took."""

    path: Path
    truth: Path
    environ: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """As `--server` takes it."""
        return f"unix:{self.path}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> "StandIn":
        """Start it and return when it takes connections."""
        served = [sys.executable, "-m", "tests.support.app_server", str(self.path), str(self.truth)]
        command = [*served, "app-server", "--listen", f"unix://{self.path}"]  # as the real one is started
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=self.environ)
        wait_until(self._listens, timeout=PATIENCE, why="the stand-in listens")
        return self

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.path))
            except OSError:
                return False
        return True

    def kill(self) -> None:
        """SIGKILL it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        """Signal it."""
        assert self.process is not None
        self.process.send_signal(number)

    def client(self) -> CodexClient:
        """Somebody else at it."""
        return CodexClient(self.address)

    def run(self, thread: str, *words: str) -> tuple[int, str, str]:
        """Have the shell tool of a thread run a command of roost's; exit code, standard output and error."""
        argv = [sys.executable, "-m", "roost", *words]
        with self.client() as client:
            done = client.send("test/run", {"threadId": thread, "argv": argv, "env": self.environ})
        return done["code"], done["out"], done["error"]

    def order(self, what: str, **params: Any) -> None:  # noqa: ANN401 -- JSON
        """Give it one order."""
        with self.client() as client:
            client.send(f"test/{what}", params)

    def tell(self, method: str, **params: Any) -> None:  # noqa: ANN401 -- JSON
        """Have it tell everybody."""
        self.order("tell", method=method, params=params)

    def prompts(self, message: str) -> list[dict[str, str]]:
        """The prompts that held a message's header."""
        header = f"[roost message {message} from "
        return [taken for taken in json_lines(self.truth) if header in taken["text"]]


@contextmanager
def stand_in(home: Home) -> Iterator[StandIn]:
    """A stand-in on a socket in this home."""
    environ = {
        **environment(os.environ, home),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    server = StandIn(home.root / "server.sock", home.root / "prompts.jsonl", environ)
    try:
        yield server.start()
    finally:
        server.kill()
