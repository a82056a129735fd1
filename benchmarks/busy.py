"""Warm delivery while 50 other agents are in the middle of turns, beside the same delivery while none is."""

from concurrent.futures import ThreadPoolExecutor

import psutil

from benchmarks.delivery import ROUNDS, through_roost
from benchmarks.home import Home, daemon, until
from benchmarks.result import Result, p50, p95

PEERS = 50
RECEIVING = 10
"""Peers whose turns are short, so that each takes a message of its queue every half second."""
QUEUED = 60
STARTERS = 4
TARGET = 4.0
_LONG_TURN = "@@delay 600@@\n@@silent@@"
_SHORT_TURN = "@@delay 0.5@@\n@@silent@@"


def run() -> Result:
    with daemon() as home:
        home.add("agent", "demo")
        home.client.call("wake", {"name": "agent"}, patience=None)
        idle = through_roost(home, "agent")
        names = _crowd(home)
        before, begun = _taken(home), _spent(home)
        busy = through_roost(home, "agent")
        others = _taken(home) - before
        spent = _spent(home) - begun
        working = sum(row["state"] == "working" for row in home.ask("list") if row["name"] in names)
    return Result(
        name="delivery-busy",
        what=f"send -> text in an idle demo agent while {PEERS} others are at work, {RECEIVING} of which"
        f" take a message every half second; {ROUNDS} messages",
        unit="ms",
        measured=p50(busy),
        floor=p50(idle),
        floor_is="the same agent, as many messages, before the others were started",
        judged_as="ratio",
        judged=p50(busy) / p50(idle),
        target=TARGET,
        details={
            "p95 ms": p95(busy),
            "worst ms": max(busy),
            "floor p95 ms": p95(idle),
            "others at work at the end": working,
            "messages that others took meanwhile": others,
            "daemon's CPU s meanwhile": spent,
        },
    )


def _crowd(home: Home) -> set[str]:
    """Start the others, each in a turn; what they note goes into a log of its own."""
    names = [f"busy{number}" for number in range(PEERS)]
    for name in names:
        home.add(name, "demo", **{"env.ROOST_DEMO_LOG": str(home.root / "others.jsonl")})
    with ThreadPoolExecutor(STARTERS) as pool:
        list(pool.map(lambda name: home.client.call("wake", {"name": name}, patience=None), names))
    for number, name in enumerate(names):
        bodies = [_SHORT_TURN] * QUEUED if number < RECEIVING else [_LONG_TURN]
        for body in bodies:
            home.ask("send", to=name, body=body)
    until(lambda: all(row["state"] == "working" for row in home.ask("list") if row["name"] in names), "work")
    return set(names)


def _taken(home: Home) -> int:
    """Messages that the others have taken so far."""
    return sum('"prompt"' in line for line in (home.root / "others.jsonl").read_text().splitlines())


def _spent(home: Home) -> float:
    """Seconds of processor time of the daemon so far."""
    times = psutil.Process(home.ask("status")["pid"]).cpu_times()
    return times.user + times.system
