"""What the tests of a run waited for their daemons: counted in each worker, summed and printed at the end."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import pytest


@dataclass(slots=True)
class DaemonTimes:
    """Seconds of waiting, and how often."""

    starts: int = 0
    starting: float = 0.0
    ends: int = 0
    ending: float = 0.0

    @contextmanager
    def start(self) -> Iterator[None]:
        """A daemon is started in this block, which ends when it answers or has failed."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.starts += 1
            self.starting += time.monotonic() - begun

    @contextmanager
    def end(self) -> Iterator[None]:
        """A daemon ends in this block, killed or in order."""
        begun = time.monotonic()
        try:
            yield
        finally:
            self.ends += 1
            self.ending += time.monotonic() - begun

    def add(self, other: "DaemonTimes") -> None:
        """Add those of another process."""
        self.starts += other.starts
        self.starting += other.starting
        self.ends += other.ends
        self.ending += other.ending

    def __str__(self) -> str:
        """One line; the seconds are those of all workers together."""
        return (
            f"waited {self.starting + self.ending:.0f} s for daemons: {self.starts} starts took"
            f" {self.starting:.0f} s, {self.ends} ends {self.ending:.0f} s (summed over the workers)"
        )


SPENT = DaemonTimes()
"""Those of this process."""

_KEY = "roost_daemon_times"


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None]:
    """A worker sends its own to the process that prints."""
    yield
    output: dict[str, Any] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_KEY] = asdict(SPENT)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:  # noqa: ANN401 -- xdist has no type for it
    """A worker has ended; one that crashed has told nothing."""
    told: dict[str, Any] = getattr(node, "workeroutput", {})
    if _KEY in told:
        SPENT.add(DaemonTimes(**told[_KEY]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it where any was started."""
    if SPENT.starts:
        terminalreporter.section("daemons")
        terminalreporter.line(str(SPENT))
