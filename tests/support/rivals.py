"""Daemons that begin at the same instant on the same home: of those at most one may serve."""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from roost.errors import NoDaemonError
from tests.support import prefork
from tests.support.daemon import Roost
from tests.support.wait import wait_until

PATIENCE = 60.0
_LINE = re.compile(r"roost: a daemon is running already \(pid (\d+|\?)\); see `roost status`\n")
_WAITING = (sys.executable, str(Path(__file__).with_name("rival.py")))


class Rivals:
    """They have their code and begin inside the `with` block."""

    def __init__(self, roost: Roost, count: int) -> None:
        """Start the processes."""
        self._roost = roost
        gate = roost.home.root / "gate"
        gate.touch()
        self._gate = gate.open()
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        self._files = [roost.home.root / f"rival-{number}" for number in range(count)]
        environ = {**roost.environ, "ROOST_TEST_GATE": str(gate)}
        self._processes: list[subprocess.Popen[bytes]] = []
        for path in self._files:
            with path.open("wb") as said, Path(os.devnull).open("wb") as ready:
                forked = prefork.start(_WAITING, environ, said.fileno(), ready.fileno())
                self._processes.append(
                    forked
                    or subprocess.Popen(
                        _WAITING,
                        stdin=subprocess.DEVNULL,
                        stdout=said,
                        stderr=said,
                        env=environ,
                        start_new_session=True,
                    )
                )

    def __enter__(self) -> Self:
        """Let them begin."""
        self._gate.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all but the one that is the roost's own daemon now."""
        for process in self._processes:
            if process is not self._roost.process and process.poll() is None:
                process.kill()
                process.wait(PATIENCE)

    def until_left(self, count: int) -> None:
        """Wait until that many have left, each with the one clear line."""
        wait_until(
            lambda: sum(process.poll() is not None for process in self._processes) >= count,
            timeout=PATIENCE,
            why=f"{count} of {len(self._processes)} have left",
        )
        left = [
            (process.returncode, path.read_text())
            for process, path in zip(self._processes, self._files, strict=True)
            if process.poll() is not None
        ]
        assert len(left) == count, left
        assert all(code == 1 and _LINE.fullmatch(said) for code, said in left), left

    def until_one_serves(self) -> None:
        """Wait until all but one have left and that one answers; it is the roost's daemon from now on."""
        self.until_left(len(self._processes) - 1)
        ((process, path),) = [
            each for each in zip(self._processes, self._files, strict=True) if each[0].poll() is None
        ]
        self._roost.process, self._roost.output = process, path
        wait_until(self._answers, timeout=PATIENCE, why="the one that is left answers")

    def _answers(self) -> bool:
        """Whether it is the roost's own daemon that has the socket."""
        try:
            return self._roost.call("status")["pid"] == self._roost.daemon.pid
        except NoDaemonError:
            return False
