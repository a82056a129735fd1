"""A daemon's start in an empty home, as a person waits for it."""

import subprocess
import sys

from benchmarks.home import Home, folder, program
from benchmarks.result import Result, clocked, p50, p95
from roost.stage.leftovers import Leftovers

ROUNDS = 12
TARGET = 6.0


def run() -> Result:
    nothing = [sys.executable, "-c", "import asyncio"]
    took: list[float] = []
    alone: list[float] = []
    for number in range(ROUNDS + 1):
        with folder() as root:
            home, left = Home(root), Leftovers(root / "roost")
            try:
                floor = clocked(lambda home=home: _run(home, nothing))
                whole = clocked(lambda home=home: _run(home, [*program(), "up"]))
                _run(home, [*program(), "down"])
            finally:
                left.end(wait=False)
        if number:  # The first round may write Python's caches.
            alone.append(floor)
            took.append(whole)
    return Result(
        name="up",
        what=f"`roost up` in an empty home, until it returns, {ROUNDS} times in turn with the floor",
        unit="ms",
        measured=p50(took),
        floor=p50(alone),
        floor_is="`python -c 'import asyncio'` of the same environment",
        judged_as="ratio",
        judged=p50(took) / p50(alone),
        target=TARGET,
        details={"p95 ms": p95(took), "floor p95 ms": p95(alone)},
    )


def _run(home: Home, command: list[str]) -> None:
    subprocess.run(command, env=home.environment, stdout=subprocess.DEVNULL, check=True)
