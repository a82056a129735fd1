"""One host of three is cut off, both sides go on, and it catches up: `scripts/soak --partition SECONDS`."""

import tempfile
import threading
import time
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

from roost.client.connection import RemoteError
from tests.support.fleet_network import Fleet, fleet_on_network
from tests.support.soak_judge import Promise, judge
from tests.support.wait import wait_until

AGENT = "agent"
PATIENCE = 120.0
ROUNDS = 20
"""Messages of each direction while the cable is out."""
Say = Callable[[str], None]


class Partition:
    """A run. `caught_up`: seconds from the cable's return until all was known as done."""

    def __init__(self, fleet: Fleet, cut: str) -> None:
        """`cut`: the host whose cable is pulled."""
        self._fleet = fleet
        self._cut = cut
        self._sent: dict[tuple[str, str], list[str]] = {}
        self._promised: dict[str, list[Promise]] = {host: [] for host in fleet.hosts.roosts}
        self.caught_up = 0.0

    def run(self, seconds: float, rounds: int = ROUNDS) -> list[str]:
        """Cut off for so many seconds and messages of each direction at least; returns what is wrong."""
        hosts = self._fleet.hosts
        for host in hosts.roosts:
            hosts[host].add(AGENT)
        for way in permutations(hosts.roosts, 2):
            self._send(*way)
        self._all_done(list(self._sent))
        self._fleet.net.pull(self._cut)
        over = threading.Event()
        threading.Timer(seconds, over.set).start()
        across = [way for way in self._sent if self._cut in way]
        for _ in range(rounds):
            for way in permutations(hosts.roosts, 2):
                self._send(*way)
            for host in hosts.roosts:
                self._send(host, host)
            self._all_done([way for way in self._sent if way not in across])
        over.wait()
        wrong = [
            f"{way[0]} knows {each} as done, across the cut"
            for way in across
            for each in self._sent[way][1:]
            if hosts.told(way[0], each) in ("done", "refused", "dead-letter")
        ]
        self._fleet.net.plug(self._cut)
        began = time.monotonic()
        self._all_done(across)
        self.caught_up = time.monotonic() - began
        return wrong + self._judge()

    def _judge(self) -> list[str]:
        wrong: list[str] = []
        for host, promised in self._promised.items():
            roost = self._fleet.hosts[host]
            wrong += [f"{host}: {each}" for each in judge(roost, {AGENT: promised})]
            wrong += [f"{host}: {death} is dead" for death in roost.deaths(AGENT)]
            lives = len({record["session"] for record in roost.happened()})
            wrong += [f"{host}: its agent lived {lives} times"] if lives != 1 else []
        return wrong

    def _send(self, here: str, there: str) -> None:
        to = AGENT if here == there else f"{AGENT}@{there}"
        sent = self._sent.setdefault((here, there), [])
        body = f"@@silent@@\n{here} {there} {len(sent)}"

        def accepted() -> bool:
            try:
                sent.append(str(self._fleet.hosts[here].send(to, body)["id"]))
            except RemoteError as error:
                if error.remote_code != "not-found":
                    raise
                return False
            return True

        wait_until(accepted, timeout=PATIENCE, why=f"{here} knows {there}")
        self._promised[there].append(Promise(sent[-1], body, here))

    def _all_done(self, ways: list[tuple[str, str]]) -> None:
        for here, there in ways:
            for each in reversed(self._sent[here, there]):
                if self._fleet.hosts.told(here, each) != "done":
                    self._fleet.hosts.ends(here, each, "done")


def partition(seconds: float, say: Say) -> list[str]:
    """One run on a network of its own; returns what is wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="roost-hub-") as folder,
        fleet_on_network(Path(folder), "mars", "venus", "pluto") as fleet,
    ):
        run = Partition(fleet, "mars")
        wrong = run.run(seconds)
        say(f"mars, cut off for {seconds:g} s, had caught up {run.caught_up:.1f} s after its return")
        return wrong
