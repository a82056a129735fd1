"""An ephemeral task: from the send until the worker has it, with and without a pool, beside a warm peer."""

import time

from benchmarks.home import Home, daemon, until
from benchmarks.result import Result, p50, p95

ROUNDS = 8
TARGET = 2.0


def run() -> Result:
    with daemon() as home:
        home.add("warm", "demo")
        home.add("booted", "demo", wake="ephemeral", quiet="1ms")
        home.add("ready", "demo", wake="ephemeral", quiet="1ms", pool="1")
        took: dict[str, list[float]] = {"warm": [], "booted": [], "ready": []}
        for number in range(ROUNDS + 1):
            for name, times in took.items():
                milliseconds = _task(home, name)
                if number:  # The first of each warms the file cache up, and boots the first spare.
                    times.append(milliseconds)
    warm, booted, ready = (took[name] for name in ("warm", "booted", "ready"))
    return Result(
        name="task",
        what=f"send to an idle ephemeral demo peer with pool=1 -> the task in its worker, {ROUNDS} tasks",
        unit="ms",
        measured=p50(ready),
        floor=p50(warm),
        floor_is="the same to a warm peer that is idle, in the same run",
        judged_as="ratio",
        judged=p50(ready) / p50(warm),
        target=TARGET,
        details={
            "p95 ms": p95(ready),
            "without a pool p50 ms": p50(booted),
            "without a pool p95 ms": p95(booted),
            "times faster than without": p50(booted) / p50(ready),
        },
    )


def _task(home: Home, name: str) -> float:
    """Milliseconds; afterwards the worker has ended and the spare, if there is to be one, is ready."""
    before = time.time()
    identity: str = home.ask("send", to=name, body="task")["id"]
    taken = until(lambda: home.happened("prompt", identity), "the prompt")
    until(lambda: home.ask("message", id=identity)["state"] == "done", "the turn's end")
    until(lambda: _rests(home, name), "rest")
    return (taken - before) * 1000


def _rests(home: Home, name: str) -> bool:
    shown = home.ask("show", name=name)
    if name == "warm":
        return shown["state"] == "idle"
    spares = [session["state"] for session in shown["pool"]]
    return shown["session"] is None and spares == ["idle"] * int(shown["settings"]["pool"])
