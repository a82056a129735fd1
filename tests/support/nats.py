"""A real nats-server on 127.0.0.1, with JetStream in a folder of the test."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.port import kept_port
from tests.support.wait import wait_until

HERE = Path(__file__).parents[2] / ".cache/nats/usr/sbin/nats-server"
PATIENCE = 60.0


def program() -> str:
    """The server, 2.10 or later; without one the test is skipped, or fails where it is required (CI)."""
    found = str(HERE) if HERE.exists() else shutil.which("nats-server")
    if found is None:
        problem = "there is no nats-server; `scripts/test` installs it"
        if os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    return found


class Hub:
    """A server that can be killed and started again on the same port and folder.

    `extra` ends its configuration, `inside` begins its command: where it runs.
    """

    def __init__(
        self,
        folder: Path,
        extra: str = "",
        jetstream: str = "",
        *,
        inside: Sequence[str] = (),
        address: str = "127.0.0.1",
        port: int,
    ) -> None:
        self._folder = folder
        self._extra = extra
        self._jetstream = jetstream
        self._inside = list(inside)
        self._address = address
        self.port = port
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{self._address}:{self.port}"

    def start(self) -> None:
        """Returns once it answers."""
        config = self._folder / "nats.conf"
        config.write_text(
            f"listen: {self._address}:{self.port}\nmax_payload: 8MB\n"
            f"jetstream {{ store_dir: {json.dumps(str(self._folder))}, sync_interval: always"
            f"{self._jetstream} }}\n"
            f"{self._extra}"
        )
        ports = self._folder / "ports"
        shutil.rmtree(ports, ignore_errors=True)
        ports.mkdir()
        words = [*self._inside, program(), "-c", str(config), "--ports_file_dir", str(ports)]
        log = (self._folder / "nats.log").open("ab")
        self.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        log.close()

        def told() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, (self._folder / "nats.log").read_text()
            return any(path.read_text().endswith("}") for path in ports.glob("*.ports"))

        wait_until(told, timeout=PATIENCE, why="the nats-server listens")

    def kill(self) -> None:
        """SIGKILL."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


@contextmanager
def hub_in(folder: Path, extra: str = "", jetstream: str = "") -> Iterator[Hub]:
    """A server that has ended when the block does."""
    with kept_port() as port:
        hub = Hub(folder, extra, jetstream, port=port)
        hub.start()
        try:
            yield hub
        finally:
            if hub.process is not None:
                hub.kill()
