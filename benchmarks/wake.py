"""Cold wake: from the send to a sleeping peer until its agent has taken the message."""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path

from benchmarks.home import Home, daemon, folder, noted, until
from benchmarks.result import Result, p50, p95
from roost.host.environment import child_environment

ROUNDS = 8
TARGET = 250.0


def run() -> Result:
    woken: list[float] = []
    alone: list[float] = []
    with daemon() as home, folder() as root:
        home.add("agent", "demo")
        for number in range(ROUNDS + 1):
            first = _bare(root / str(number))
            second = _wake(home)
            if number:  # The first of each warms the file cache up.
                alone.append(first)
                woken.append(second)
    over = p50(woken) - p50(alone)
    return Result(
        name="wake",
        what=f"send to a sleeping demo peer -> the message in its agent, {ROUNDS} wakes",
        unit="ms",
        measured=p50(woken),
        floor=p50(alone),
        floor_is="the demo agent's own start in a bare tmux, until it says that it has started",
        judged_as="over floor",
        judged=over,
        target=TARGET,
        details={"p95 ms": p95(woken), "floor p95 ms": p95(alone)},
    )


def _wake(home: Home) -> float:
    """Milliseconds; the agent sleeps again afterwards."""
    until(lambda: home.row("agent")["session"] is None, "asleep")
    before = time.time()
    identity: str = home.ask("send", to="agent", body="@@silent@@")["id"]
    taken = until(lambda: home.happened("prompt", identity), "the prompt")
    until(lambda: home.ask("message", id=identity)["state"] == "done", "the turn's end")
    until(lambda: home.row("agent")["state"] == "idle", "idle")
    home.client.call("stop", {"name": "agent"}, patience=None)
    home.ask("start", name="agent")
    return (taken - before) * 1000


def _bare(place: Path) -> float:
    """Milliseconds from the start of tmux until the agent in it says that it has started."""
    place.mkdir()
    log = place / "log"
    env = child_environment(os.environ, {"ROOST_DEMO_LOG": str(log), "HOME": str(place)})
    tmux = ["tmux", "-u", "-S", str(place / "s"), "-f", os.devnull]
    agent = [sys.executable, "-m", "roost.demo_agent", "--conversation", str(uuid.uuid4())]
    before = time.time()
    subprocess.run([*tmux, "new-session", "-d", "--", *agent, "--state", str(place)], env=env, check=True)
    try:
        started = until(lambda: noted(log, "start") if _whole(log) else None, "the agent's start")
    finally:
        subprocess.run([*tmux, "kill-server"], env=env, check=True)
    return (started - before) * 1000


def _whole(log: Path) -> bool:
    if not log.exists():
        return False
    try:
        return bool([json.loads(line) for line in log.read_text("utf-8").splitlines()])
    except ValueError:
        return False
