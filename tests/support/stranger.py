"""An agent that roost did not start, on a peer's conversation."""

import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.daemon import PATIENCE, Roost
from tests.support.wait import wait_until


class Stranger:
    """A demo agent on a terminal of its own, on the peer's conversation, that roost did not start."""

    def __init__(self, roost: Roost, conversation: str, **environ: str) -> None:
        self.master, slave = pty.openpty()
        shared = roost.places.state / "demo"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "roost.demo_agent", "--conversation", conversation, "--resume"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env={
                **{name: value for name, value in os.environ.items() if name != "ROOST_HOME"},
                "ROOST_DEMO_STATE": str(shared),
                **environ,
            },
            start_new_session=True,
        )
        os.close(slave)
        status = Path(shared, "status", f"{self.process.pid}.json")
        wait_until(lambda: self._drain() or status.exists(), timeout=PATIENCE, why="the stranger is ready")

    def _drain(self) -> bool:
        while select.select([self.master], [], [], 0)[0]:
            os.read(self.master, 65536)
        return False

    def leave(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)
        if self.master >= 0:
            os.close(self.master)
            self.master = -1


@contextmanager
def stranger(roost: Roost, conversation: str, **environ: str) -> Iterator[Stranger]:
    made = Stranger(roost, conversation, **environ)
    try:
        yield made
    finally:
        made.leave()
