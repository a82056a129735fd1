"""A hub of three servers whose leader is killed again and again under load: `scripts/soak --leaders SECONDS`.

Beside it sends to a mailbox of a host itself are timed, in turns with those of a roost that is in no fleet.
"""

import asyncio
import os
import random
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import quantiles

from roost.host.errors import CarrierGone
from roost.host.nats.hub import FAULTS
from roost.host.nats.hub import Hub as Connection
from tests.support.daemon import Roost
from tests.support.fleet_network import Fleet, fleet_on_network
from tests.support.fleet_soak import FleetSoak, Say
from tests.support.home import environment, make_home
from tests.support.nats import Hub

SERVERS = 3
ELECTION = 5.0
"""Seconds that a stream is without a leader at most (nats-server 2.10.27: 4.1 to 5.2)."""
_BOX = "box"


class Leaders:
    """Kills the server that leads one of the hub's streams, and starts it again."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._random = random.Random(seed)  # noqa: S311 -- reproducible, not secret
        self._dead: Hub | None = None
        self.killed = 0
        self.killed_at = float("-inf")

    def turn(self) -> None:
        """Start the server that was killed, or kill one that leads where all run."""
        if self._dead is not None:
            self._dead.start()
            self._dead = None
        else:
            self.kill()

    def kill(self) -> None:
        """One leader."""
        name = asyncio.run(self._leader())
        if name is not None:
            self._dead = self._fleet.hubs[int(name.removeprefix("n"))]
            self._dead.kill()
            self.killed += 1
            self.killed_at = time.monotonic()

    async def _leader(self) -> str | None:
        connection = Connection("chaos", self._fleet.hosts.urls)
        try:
            found = await (await connection.stream()).streams_info()
        except (CarrierGone, *FAULTS):
            return None
        finally:
            await connection.close()
        leaders = [each.cluster.leader for each in found if each.cluster is not None and each.cluster.leader]
        return self._random.choice(leaders) if leaders else None


class Times:
    """How long sends within one host take (seconds), with a leader and while there may be none.

    And beside them those of a roost that is in no fleet and has nothing else to do.
    """

    def __init__(self, member: Roost, alone: Roost, leaders: Leaders) -> None:
        self._roosts = (member, alone)
        self._leaders = leaders
        self._times: tuple[list[float], list[float], list[float]] = ([], [], [])

    def take(self) -> None:
        """One of each."""
        at = time.monotonic()
        led, leaderless, alone = self._times
        since = at - self._leaders.killed_at
        for roost, times in zip(self._roosts, (leaderless if since < ELECTION else led, alone), strict=True):
            began = time.perf_counter()
            roost.send(_BOX, "hello")
            times.append(time.perf_counter() - began)

    def told(self) -> str:
        """The figures."""
        names = ("with a leader", f"within {ELECTION:g} s of its death", "of an idle roost without a fleet")
        found = (
            f"{name} {len(times)}: p50 {_percentiles(times)[0]:.1f} ms, p99 {_percentiles(times)[1]:.1f} ms"
            for name, times in zip(names, self._times, strict=True)
        )
        return "sends within one host " + "; ".join(found)


def _percentiles(times: Sequence[float]) -> tuple[float, float]:
    """The 50th and the 99th (milliseconds)."""
    found = quantiles(times, n=100)
    return found[49] * 1000, found[98] * 1000


def _every(seconds: float, act: Callable[[], object], over: threading.Event) -> threading.Thread:
    def work() -> None:
        while not over.wait(seconds):
            act()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def leaders(seed: int, messages: int, every: float, say: Say) -> list[str]:
    """One run on a network of its own; returns what is wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="roost-hub-") as folder,
        fleet_on_network(Path(folder), "mars", "venus", "pluto", servers=SERVERS) as fleet,
        make_home() as home,
    ):
        alone = Roost(home, environment(os.environ, home)).start()
        over = threading.Event()
        killer = Leaders(fleet, seed)
        times = Times(fleet.hosts["mars"], alone, killer)
        threads: list[threading.Thread] = []
        try:
            for roost in (fleet.hosts["mars"], alone):
                roost.add(_BOX, "human")
            threads += [_every(every / 2, killer.turn, over), _every(0.05, times.take, over)]
            wrong = FleetSoak(fleet, seed, messages, 0, say).run()
        finally:
            over.set()
            for thread in threads:
                thread.join()
            alone.finish()
        say(f"{killer.killed} leaders killed; {times.told()}")
        return wrong if killer.killed else [*wrong, "no leader was killed"]
