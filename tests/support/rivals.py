"""Daemons that begin at the same instant on the same home: of those at most one may serve."""

import os
import re
import subprocess
import sys
from types import TracebackType
from typing import Self

from tests.support.daemon import Roost
from tests.support.wait import wait_until

PATIENCE = 60.0
_LINE = re.compile(r"roost: a daemon is running already \(pid (\d+|\?)\); see `roost status`\n")
_WAITING = "import sys; from roost.daemon.__main__ import main; sys.stdin.read(); sys.exit(main())"
"""A daemon that has loaded its code and begins when its standard input ends."""


class Rivals:
    """They load their code at once and begin inside the `with` block."""

    def __init__(self, roost: Roost, count: int) -> None:
        """Start the processes."""
        self._roost = roost
        reader, self._go = os.pipe()
        self._files = [roost.home.root / f"rival-{number}" for number in range(count)]
        self._processes: list[subprocess.Popen[bytes]] = []
        for path in self._files:
            with path.open("wb") as said:
                self._processes.append(
                    subprocess.Popen(
                        [sys.executable, "-c", _WAITING],
                        stdin=reader,
                        stdout=said,
                        stderr=said,
                        env=roost.environ,
                        start_new_session=True,
                    )
                )
        os.close(reader)

    def __enter__(self) -> Self:
        """Let them begin."""
        os.close(self._go)
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
        wait_until(
            lambda: self._roost.cli("status").returncode == 0,
            timeout=PATIENCE,
            why="the one that is left answers",
        )
        assert self._roost.call("status")["pid"] == process.pid
