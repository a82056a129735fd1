"""A fleet: messages from host to host, what idle hosts cost, and what a local send costs.

Daemons, agents and nats-server are real, on 127.0.0.1.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from benchmarks.crowd import IDLE_TARGET, WINDOW, shares, start
from benchmarks.delivery import BODY, ROUNDS
from benchmarks.home import Home, daemon, until
from benchmarks.hosts import fleet
from benchmarks.latency import caller
from benchmarks.result import Result, clocked, p50, p95, p99
from roost.client.connection import RemoteError
from roost.host.nats.carrier import NatsCarrier
from roost.host.nats.hub import Hub as Connection

OVER_LOCAL = 10.0
HOSTS = ("mars", "venus", "pluto")
PEERS = 34
"""Peers of each of three hosts, all with live sessions: 100 and two."""
LOCAL_TARGET = 1.15
BLOCKS = 20
EACH = 50
"""Sends in one block on one host; as many on the other follow, so that both see the same machine."""
_FRAME = b"x" * 500


def run() -> Result:
    """From host to host, beside from an agent's own host."""
    here: list[float] = []
    there: list[float] = []
    with fleet("mars", "venus") as hosts:
        mars, venus = hosts.homes["mars"], hosts.homes["venus"]
        venus.add("agent", "demo")
        venus.client.call("wake", {"name": "agent"}, patience=None)
        until(lambda: _reached(mars, "agent@venus"), "mars knows venus")
        for number in range(ROUNDS + 2):
            pair = _took(venus, "agent", venus), _took(mars, "agent@venus", venus)
            if number >= 2:  # The first ones warm both daemons' imports up.
                here.append(pair[0])
                there.append(pair[1])
        bare = asyncio.run(_carried(hosts.hub.url))
    return Result(
        name="fleet",
        what=f"send at one host -> text in the demo agent of another, warm and idle, {ROUNDS} messages",
        unit="ms",
        measured=p50(there),
        floor=p50(here),
        floor_is="the same agent, as many messages sent at its own host, in turn with the others",
        judged_as="over floor",
        judged=p50(there) - p50(here),
        target=OVER_LOCAL,
        details={
            "p95 ms": p95(there),
            "floor p95 ms": p95(here),
            "a bare frame through the hub, p50 ms": p50(bare),
        },
    )


def idle() -> Result:
    """Processor time of the daemons of a fleet while nothing happens."""
    with fleet(*HOSTS) as hosts, daemon() as alone:
        for home in (*hosts.homes.values(), alone):
            start(home, PEERS)
        pids = {name: [int(home.ask("status")["pid"])] for name, home in hosts.homes.items()}
        assert hosts.hub.process is not None
        found = shares({**pids, "alone": [int(alone.ask("status")["pid"])], "hub": [hosts.hub.process.pid]})
    worst = max(found[name] for name in HOSTS)
    return Result(
        name="fleet-idle",
        what=f"processor time of the busiest of {len(HOSTS)} daemons of a fleet, {PEERS} idle demo sessions"
        f" each, over {WINDOW:g} s",
        unit="%",
        measured=worst,
        floor=found["alone"],
        floor_is="a daemon of no fleet with as many sessions, over the same time",
        judged_as="% of a core",
        judged=worst,
        target=IDLE_TARGET,
        details={f"{name} %": share for name, share in found.items() if name != "alone"},
    )


def local() -> Result:
    """What a send to a peer of the same host takes where that is in a fleet, and where its hub is gone."""
    with fleet("mars", "venus") as hosts, daemon() as alone, ExitStack() as stack:
        there = stack.enter_context(caller(hosts.homes["mars"]))
        here = stack.enter_context(caller(alone))
        member, floor = _in_turn(there, here)
        hosts.hub.kill()
        cut, again = _in_turn(there, here)
    return Result(
        name="fleet-local",
        what=f"`send` that waits for `stored` to a peer of the same host, which is in a fleet, {len(member)}"
        " messages",
        unit="ms",
        measured=p50(member),
        floor=p50(floor),
        floor_is="the same at a host of no fleet, in turn with it",
        judged_as="ratio",
        judged=p50(member) / p50(floor),
        target=LOCAL_TARGET,
        details={
            "p99 ms": p99(member),
            "floor p99 ms": p99(floor),
            "hub killed: p50 ms": p50(cut),
            "hub killed: ratio": p50(cut) / p50(again),
            "hub killed: p99 ms": p99(cut),
            "hub killed: floor p99 ms": p99(again),
        },
    )


def _in_turn(*acts: Callable[[], None]) -> Sequence[list[float]]:
    """Milliseconds of each act, done in blocks so that all see the same machine."""
    took: list[list[float]] = [[] for _ in acts]
    for number in range(BLOCKS + 1):
        for times, act in zip(took, acts, strict=True):
            block = [clocked(act) for _ in range(EACH)]
            if number:  # The first block warms all up.
                times.extend(block)
    return took


def _reached(home: Home, address: str) -> bool:
    try:
        home.ask("send", to=address, body=BODY)
    except RemoteError:
        return False
    return True


def _took(sender: Home, to: str, receiver: Home) -> float:
    """Milliseconds from before the send until the agent, awake and idle, has the text."""
    until(lambda: _at_rest(receiver), "the agent is idle")
    before = time.time()
    identity: str = sender.ask("send", to=to, body=BODY)["id"]
    taken = until(lambda: receiver.happened("prompt", identity), "the prompt")
    until(lambda: sender.ask("message", id=identity)["state"] == "done", "the turn's end is known")
    return (taken - before) * 1000


def _at_rest(home: Home) -> bool:
    row = home.ask("show", name="agent")
    return row["state"] == "idle" and row["queued"] == 0


async def _carried(url: str) -> list[float]:
    """Milliseconds of frames of one host to another, with nothing of ours but the carrier."""
    here, there = (NatsCarrier(name, Connection(name, [url])) for name in ("here", "there"))
    await there.open()
    took: list[float] = []
    for number in range(ROUNDS + 2):
        receiving = asyncio.ensure_future(there.receive())
        before = time.perf_counter()
        await here.send("there", _FRAME)
        carried = await receiving
        if number >= 2:
            took.append((time.perf_counter() - before) * 1000)
        await carried.done()
    await here.close()
    await there.close()
    return took
