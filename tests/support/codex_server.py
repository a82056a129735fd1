"""A real Codex app-server that is not roost's: started, held, ended and started again as its user would."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from roost.fake_model import FakeModel
from roost.probe import homes
from tests.support import clis
from tests.support.home import Home, environment
from tests.support.wait import wait_until

PATIENCE = 240.0


@dataclass(slots=True)
class CodexServer:
    """One server at one address. `listen` is what its `--listen` takes, `address` what ours does."""

    listen: str
    address: str
    environ: Mapping[str, str]
    output: Path
    process: subprocess.Popen[bytes] | None = None
    pids: list[int] = field(default_factory=list[int])

    def start(self) -> "CodexServer":
        """Start it and return when it takes connections."""
        program = clis.require("codex").path
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [program, "app-server", "--listen", self.listen, "--disable", "plugins"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=dict(self.environ),
                cwd="/",
                start_new_session=True,
            )
        wait_until(self._listens, timeout=PATIENCE, why="the app-server listens", describe=self._said)
        return self

    def _said(self) -> str:
        return self.output.read_text()[-2000:]

    def _listens(self) -> bool:
        family = socket.AF_UNIX if self.listen.startswith("unix") else socket.AF_INET
        with socket.socket(family) as probe:
            try:
                probe.connect(_place(self.address))
            except OSError:
                return False
        return True

    @property
    def pid(self) -> int:
        """The process that serves: the package starts it below a wrapper."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return int(children[0])

    def signal(self, number: signal.Signals) -> None:
        """Signal the process that serves."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """SIGKILL all of it."""
        assert self.process is not None
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


def _place(address: str) -> str | tuple[str, int]:
    found = re.fullmatch(r"ws://([^:]+):(\d+)", address)
    return (found[1], int(found[2])) if found else address.removeprefix("unix:")


@contextmanager
def codex_server(home: Home, model: FakeModel, *, port: int | None = None) -> Iterator[CodexServer]:
    """A server of a user who knows the fake model: on a socket in the home, or on this port."""
    seed = homes.seed_codex(home.user, model.url, home.work)
    base = environment(os.environ, home)
    address = f"unix:{home.root}/codex.sock" if port is None else f"ws://127.0.0.1:{port}"
    listen = address.replace("unix:", "unix://")
    # It is nobody's of the roost in this home, whose own processes are known by their HOME.
    theirs = {"HOME": str(home.root), "CODEX_HOME": str(home.user / ".codex")}
    server = CodexServer(listen, address, {**base, **seed.environ, **theirs}, home.root / "codex.out")
    try:
        yield server.start()
    finally:
        server.kill()
