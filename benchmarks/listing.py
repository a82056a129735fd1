"""`roost list` as a process, with 100 peers, beside a Python that does nothing."""

import subprocess
import sys
import time

from benchmarks.home import daemon, program
from benchmarks.result import Result, p50, p95

PEERS = 100
ROUNDS = 40
TARGET = 5.0


def run() -> Result:
    lister = [*program(), "list"]
    nothing = [sys.executable, "-c", "pass"]
    listed: list[float] = []
    alone: list[float] = []
    with daemon() as home:
        for number in range(PEERS):
            home.add(f"peer{number}", "demo")
        for number in range(ROUNDS + 2):
            first = _took(nothing, home.environment)
            second = _took(lister, home.environment)
            if number >= 2:
                alone.append(first)
                listed.append(second)
    return Result(
        name="list",
        what=f"`roost list`, the whole process, {PEERS} peers, {ROUNDS} times in turn with the floor",
        unit="ms",
        measured=p50(listed),
        floor=p50(alone),
        floor_is="`python -c pass` of the same environment",
        judged_as="ratio",
        judged=p50(listed) / p50(alone),
        target=TARGET,
        details={"p95 ms": p95(listed), "floor p95 ms": p95(alone)},
    )


def _took(command: list[str], environment: dict[str, str]) -> float:
    """Milliseconds of one run."""
    begun = time.perf_counter()
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    return (time.perf_counter() - begun) * 1000
