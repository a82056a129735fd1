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
_BOX = "box"


class Leaders:
    """Kills the server that leads one of the hub's streams, and starts it again."""

    def __init__(self, fleet: Fleet, seed: int) -> None:
        self._fleet = fleet
        self._random = random.Random(seed)  # noqa: S311 -- reproducible, not secret
        self._dead: Hub | None = None
        self.killed = 0

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
    """How long sends within one host take (seconds): of the fleet, and of a roost that is in none."""

    def __init__(self, member: Roost, alone: Roost) -> None:
        self._roosts = (member, alone)
        self.member: list[float] = []
        self.alone: list[float] = []

    def take(self) -> None:
        """One of each."""
        for roost, times in zip(self._roosts, (self.member, self.alone), strict=True):
            began = time.perf_counter()
            roost.send(_BOX, "hello")
            times.append(time.perf_counter() - began)

    def told(self) -> str:
        """The figures."""
        (p50, p99), (p50_alone, p99_alone) = _percentiles(self.member), _percentiles(self.alone)
        return (
            f"{len(self.member)} sends within one host: p50 {p50:.1f} ms, p99 {p99:.1f} ms;"
            f" of a roost without a fleet {p50_alone:.1f} and {p99_alone:.1f} ms:"
            f" {p50 / p50_alone:.2f} and {p99 / p99_alone:.2f} times as long"
        )


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
        killer, times = Leaders(fleet, seed), Times(fleet.hosts["mars"], alone)
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
