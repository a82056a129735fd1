"""Whole commands as processes, with 100 peers, beside a Python that does nothing."""

import subprocess
import sys

from benchmarks.home import Home, daemon, program
from benchmarks.result import Result, clocked, p50, p95

PEERS = 100
ROUNDS = 40
LIST_TARGET = 3.0
SEND_TARGET = 2.5


def listing() -> Result:
    return _beside_nothing("list", ["list"], LIST_TARGET)


def sending() -> Result:
    return _beside_nothing("send", ["send", "box0", "x" * 200], SEND_TARGET)


def _beside_nothing(name: str, words: list[str], target: float) -> Result:
    command, nothing = [*program(), *words], [sys.executable, "-c", "pass"]
    took: list[float] = []
    alone: list[float] = []
    with daemon() as home:
        for number in range(PEERS):
            home.add(f"box{number}", "human")
        for number in range(ROUNDS + 2):
            floor = clocked(lambda: _run(home, nothing))
            whole = clocked(lambda: _run(home, command))
            if number >= 2:  # The first rounds write Python's caches.
                alone.append(floor)
                took.append(whole)
    return Result(
        name=name,
        what=f"`roost {words[0]}`, the whole process, {PEERS} peers, {ROUNDS} times in turn with the floor",
        unit="ms",
        measured=p50(took),
        floor=p50(alone),
        floor_is="`python -c pass` of the same environment",
        judged_as="ratio",
        judged=p50(took) / p50(alone),
        target=target,
        details={"p95 ms": p95(took), "floor p95 ms": p95(alone)},
    )


def _run(home: Home, command: list[str]) -> None:
    subprocess.run(command, env=home.environment, stdout=subprocess.DEVNULL, check=True)
