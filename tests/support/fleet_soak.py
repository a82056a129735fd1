"""Very many messages between hosts while daemons, the hub and links are hit: `scripts/soak --fleet`.

Each host sends to an agent of each other host. What is judged is what the agents logged: each message once,
whole, in the order of its sender, and known as done to the host that sent it. A seed gives the same messages
and hits at the same moments (counted in messages), not the same interleaving.
"""

import random
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path
from typing import Any

from roost.client.connection import Client, ConnectionLostError, RemoteError
from roost.core.vocabulary.message import MessageState
from roost.errors import NoDaemonError
from roost.store.reader import Reader
from roost.store.records import Wanted
from tests.support.fleet_network import Fleet, fleet_on_network
from tests.support.soak_judge import Promise, judge

NAMES = ("mars", "venus", "pluto", "ceres", "eris")
AGENT = "agent"
WINDOW = 48
"""Messages on their way between two hosts before their sender pauses."""
PATIENCE = 180.0
"""Seconds without any progress of a direction after which the run has failed."""
AWAY = (NoDaemonError, ConnectionLostError)
Say = Callable[[str], None]


@dataclass(slots=True)
class Direction:
    """From one host to the agent of another: what was sent, in order."""

    here: str
    there: str
    share: int
    sent: list[str] = field(default_factory=list[str])
    waiting: int = 0
    done: int = 0
    moved: float = 0.0

    def stands(self, now: float) -> bool:
        """Whether nothing of it has become done for too long."""
        done = len(self.sent) - self.waiting
        if done != self.done or done == self.share:
            self.done, self.moved = done, now
        return now - self.moved > PATIENCE

    @property
    def to(self) -> str:
        """The address."""
        return f"{AGENT}@{self.there}"

    def body(self, number: int, seed: int) -> str:
        """The body of one message: mostly short, now and then long and awkward."""
        text = f"@@silent@@\n{self.here} {self.there} {number} of {seed}"
        return text + f"\n'$(x)' \"\\ `{number}`" * 200 if number % 97 == 13 else text


class FleetSoak:
    """One run."""

    def __init__(
        self,
        fleet: Fleet,
        seed: int,
        messages: int,
        hits: int,
        say: Say,
        acts: Mapping[str, Callable[[], None]] | None = None,
    ) -> None:
        """Share `messages` among all directions, and do one of the `acts` `hits` times on the way."""
        self._fleet = fleet
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 -- reproducible, not secret
        self._say = say
        self._messages = messages
        self._hosts = tuple(fleet.hosts.roosts)
        pairs = list(permutations(self._hosts, 2))
        each, more = divmod(messages, len(pairs))
        self._ways = [Direction(*pair, each + (number < more)) for number, pair in enumerate(pairs)]
        self._moments = sorted(self._random.randrange(messages) for _ in range(hits))
        self._acts = acts or {
            "daemon killed": self._kill_daemon,
            "hub killed": self._kill_hub,
            "cable pulled": self._pull,
            "connections reset": self._reset,
            "connections half-open": self._strand,
            "one side stalled": self._stall,
            "slow": self._slow,
        }
        self.hits: list[str] = []
        self._failed = threading.Event()
        self._began = time.monotonic()
        self.wrong: list[str] = []

    def run(self) -> list[str]:
        """Send, hit, wait for the end, judge; returns what is wrong."""
        for host in self._hosts:
            self._fleet.hosts[host].add(AGENT)
        senders = [
            threading.Thread(target=self._send_all, args=(way,), name=f"{way.here} to {way.there}")
            for way in self._ways
        ]
        self._began = time.monotonic()
        for sender in senders:
            sender.start()
        try:
            self._drive(senders)
        finally:
            self._failed.set()
            for sender in senders:
                sender.join()
        return self.wrong or self.judge()

    def judge(self) -> list[str]:
        """What agents and stores say otherwise than the promises."""
        wrong: list[str] = []
        for host in self._hosts:
            promised = [
                Promise(each, way.body(number, self._seed), way.here)
                for way in self._ways
                if way.there == host
                for number, each in enumerate(way.sent)
            ]
            wrong += [f"{host}: {each}" for each in judge(self._fleet.hosts[host], {AGENT: promised})]
            reader = Reader(self._fleet.hosts[host].places.database)
            try:
                for way in self._ways:
                    if way.here == host:
                        kept = reader.messages(Wanted(to=way.to), limit=2 * way.share + 10)
                        done = {each.id for each in kept if each.state is MessageState.DONE}
                        if done != set(way.sent) or len(kept) != len(way.sent):
                            wrong.append(
                                f"{host} knows {len(done)} of {len(way.sent)} to {way.there} as done"
                            )
            finally:
                reader.close()
            said = self._fleet.hosts[host].said().splitlines()
            wrong += [f"{host} said: {line}" for line in said if "Traceback" in line or "failed" in line]
        return wrong

    # sending

    def _send_all(self, way: Direction) -> None:
        """Send one after another; a send whose answer was lost is repeated under its key."""
        for number in range(way.share):
            while (way.waiting > WINDOW or self._hit_is_due()) and not self._failed.is_set():
                self._failed.wait(0.02)
            way.sent.append(self._send(way, number))
            way.waiting += 1
            if self._failed.is_set():
                return

    def _hit_is_due(self) -> bool:
        """Whether the moment of the next hit has come: what is sent after it is sent after the hit."""
        hits = len(self.hits)
        return hits < len(self._moments) and sum(len(way.sent) for way in self._ways) > self._moments[hits]

    def _send(self, way: Direction, number: int) -> str:
        asked = {"to": way.to, "body": way.body(number, self._seed), "key": f"{way.there}-{number}"}
        while not self._failed.is_set():
            try:
                return str(self._call(way.here, "send", asked)["id"])
            except AWAY:
                self._failed.wait(0.02)
            except RemoteError as error:
                if number == 0 and error.remote_code == "not-found":
                    self._failed.wait(0.1)  # the other host is not known yet
                else:
                    self._fail(f"send of {asked['key']} was refused: {error.message}")
        return ""

    def _call(self, host: str, method: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        places = self._fleet.hosts[host].places
        return Client(str(places.socket), None, lambda _note: None).call(method, params)

    def _fail(self, why: str) -> None:
        self.wrong.append(why)
        self._failed.set()

    # hitting and watching

    def _drive(self, senders: list[threading.Thread]) -> None:
        """Hit when a moment has come, look at the queues, until all is sent and known as done."""
        told, began = 0.0, time.monotonic()
        for way in self._ways:
            way.moved = began
        while not self._failed.is_set():
            sent = sum(len(way.sent) for way in self._ways)
            if len(self.hits) < len(self._moments) and sent >= self._moments[len(self.hits)]:
                self._hit()
            left = self._look()
            done, now = sent - left, time.monotonic()
            for way in self._ways:
                if way.stands(now):
                    self._fail(
                        f"{way.done} of {way.share} from {way.here} to {way.there}, for {PATIENCE:g} s"
                    )
            if now - told >= 10:
                told = now
                self._progress(done)
            all_hit = len(self.hits) == len(self._moments)
            if not left and all_hit and not any(sender.is_alive() for sender in senders):
                self._progress(done)
                return
            self._failed.wait(0.05)

    def _look(self) -> int:
        """How many messages are not known as done where they were sent."""
        left = 0
        for host in self._hosts:
            reader = Reader(self._fleet.hosts[host].places.database)
            try:
                queues = {state.peer.name: len(state.messages) for state in reader.peers()}
            finally:
                reader.close()
            for way in self._ways:
                if way.here == host:
                    way.waiting = queues.get(way.to, 0)
                    left += way.waiting
        return left

    def _progress(self, done: int) -> None:
        took = time.monotonic() - self._began
        self._say(
            f"{took:6.0f} s: {done} of {self._messages} done, {len(self.hits)} of {len(self._moments)} hits,"
            f" {done / took:.0f} messages/s"
        )

    def _hit(self) -> None:
        name = self._random.choice(list(self._acts))
        self.hits.append(name)
        self._acts[name]()

    def _host(self) -> str:
        return self._random.choice(self._hosts)

    def _while(self) -> None:
        """For a while, most often short."""
        self._failed.wait(self._random.random() ** 2 * 3.0)

    def _kill_daemon(self) -> None:
        host = self._host()
        self._fleet.hosts[host].kill()
        self._while()
        self._fleet.start(host)

    def _kill_hub(self) -> None:
        hub = self._random.choice(self._fleet.hubs)
        hub.kill()
        self._while()
        hub.start()

    def _pull(self) -> None:
        host = self._random.choice((*self._hosts, "hub"))
        self._fleet.net.pull(host)
        self._while()
        self._fleet.net.plug(host)

    def _reset(self) -> None:
        self._fleet.ask(self._host(), "reset")

    def _strand(self) -> None:
        self._fleet.ask(self._host(), "strand")

    def _stall(self) -> None:
        host = self._host()
        self._fleet.ask(host, "stall", self._random.choice(("forward", "back")))
        self._while()
        self._fleet.ask(host, "flow")

    def _slow(self) -> None:
        host = self._host()
        self._fleet.ask(host, "slow", self._random.random() * 0.2)
        self._while()
        self._fleet.ask(host, "flow")


def fleet_soak(seed: int, messages: int, hits: int, say: Say, *, hosts: int = 3) -> list[str]:
    """One run on a network of its own; returns what is wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="roost-hub-") as folder,
        fleet_on_network(Path(folder), *NAMES[:hosts]) as fleet,
    ):
        run = FleetSoak(fleet, seed, messages, hits, say)
        wrong = run.run()
        say(", ".join(f"{count} x {what}" for what, count in sorted(Counter(run.hits).items())))
        say(f"the agents and the stores tell: {'; '.join(wrong) or 'each once, in order, known as done'}")
        return wrong
