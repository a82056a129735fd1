"""Very many messages while the daemon is killed again and again: `python -m tests.support.soak`.

With `--fleet` between three hosts, while daemons, hub and links are hit (tests.support.fleet_soak).

Every message goes to a demo agent that logs what it truly got. At the end that log and the store must tell
the same: each message is shown once, whole, in the order in which it was accepted, and none is left over.
A seed gives the same messages and the same moments of the kills (counted in messages), not the same
interleaving.
"""

import argparse
import os
import random
import secrets
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from roost.client.connection import Client, ConnectionLostError, RemoteError
from roost.errors import NoDaemonError
from tests.support import prefork, processes
from tests.support.daemon import Roost
from tests.support.fleet_leaders import leaders
from tests.support.fleet_partition import partition
from tests.support.fleet_soak import fleet_soak
from tests.support.home import environment, make_home
from tests.support.soak_judge import Promise, judge

WINDOW = 48
"""Messages that wait for one peer before its sender pauses."""
PATIENCE = 120.0
"""Seconds without any progress after which the run has failed."""
AWAY = (NoDaemonError, ConnectionLostError)
Say = Callable[[str], None]


@dataclass(slots=True)
class Peer:
    """One recipient and what was sent to it, in order."""

    name: str
    share: int
    sent: list[str] = field(default_factory=list[str])
    queued: int = 0

    def body(self, number: int, seed: int) -> str:
        """The body of one message: mostly short, now and then long and awkward."""
        if number % 97 == 13:
            return f"@@silent@@\n{self.name} {number} of {seed}\n" + f"'$(x)' \"\\ `{number}`\n" * 200
        return f"@@silent@@\n{self.name} {number} of {seed}"


class Soak:
    """One run."""

    def __init__(
        self,
        roost: Roost,
        seed: int,
        messages: int,
        kills: int,
        peers: int,
        say: Say,
        runtime: str = "demo",
    ) -> None:
        """Share `messages` among `peers`, and kill the daemon `kills` times on the way."""
        self._roost = roost
        self._runtime = runtime
        self._seed = seed
        self._random = random.Random(seed)  # noqa: S311 -- reproducible, not secret
        self._say = say
        self._messages = messages
        each, more = divmod(messages, peers)
        self._peers = [Peer(f"p{number}", each + (number < more)) for number in range(peers)]
        self._kills = sorted(self._random.randrange(messages) for _ in range(kills))
        self._killed = 0
        self._failed = threading.Event()
        self._began = time.monotonic()
        self.wrong: list[str] = []

    @property
    def _sent(self) -> int:
        return sum(len(peer.sent) for peer in self._peers)

    def run(self) -> list[str]:
        """Send, kill, wait for the end, judge; returns what is wrong."""
        self._roost.start()
        for peer in self._peers:
            self._roost.add(peer.name, self._runtime)
        senders = [
            threading.Thread(target=self._send_all, args=(peer,), name=f"to {peer.name}")
            for peer in self._peers
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
        if not self.wrong:
            self.wrong += self.judge()
        return self.wrong

    def judge(self) -> list[str]:
        """What the agents' log says otherwise than the store and the promises."""
        promised = {
            peer.name: [Promise(each, peer.body(number, self._seed)) for number, each in enumerate(peer.sent)]
            for peer in self._peers
        }
        return judge(self._roost, promised)

    # sending

    def _send_all(self, peer: Peer) -> None:
        """Send one after another; a send whose answer was lost is repeated under its key."""
        for number in range(peer.share):
            while peer.queued > WINDOW and not self._failed.is_set():
                self._failed.wait(0.02)
            peer.sent.append(self._send(peer, number))
            peer.queued += 1
            if self._failed.is_set():
                return

    def _send(self, peer: Peer, number: int) -> str:
        asked = {"to": peer.name, "body": peer.body(number, self._seed), "key": f"{peer.name}-{number}"}
        while not self._failed.is_set():
            try:
                return self._call("send", asked)["id"]
            except AWAY:
                self._failed.wait(0.02)
            except RemoteError as error:
                self._fail(f"send of {asked['key']} was refused: {error.message}")
        return ""

    def _call(self, method: str, params: dict[str, Any]) -> Any:  # noqa: ANN401 -- JSON
        return Client(str(self._roost.places.socket), None, lambda _note: None).call(method, params)

    def _fail(self, why: str) -> None:
        self.wrong.append(why)
        self._failed.set()

    # killing and watching

    def _drive(self, senders: list[threading.Thread]) -> None:
        """Kill when a moment has come, look at the queues, until all is sent and done."""
        moved, seen, told = time.monotonic(), -1, 0.0
        while not self._failed.is_set():
            if self._killed < len(self._kills) and self._sent >= self._kills[self._killed]:
                self._kill()
            left = self._look()
            done = self._sent - left
            now = time.monotonic()
            if done != seen:
                moved, seen = now, done
            elif now - moved > PATIENCE:
                self._fail(f"nothing has moved for {PATIENCE:g} s: {self._call('list', {})}")
            if now - told >= 10:
                told = now
                self._progress(done)
            if not left and not any(sender.is_alive() for sender in senders):
                self._progress(done)
                return
            self._failed.wait(0.05)

    def _kill(self) -> None:
        """SIGKILL the daemon at a random moment near this one, and start it again."""
        self._failed.wait(self._random.random() * 0.2)
        self._killed += 1
        self._roost.kill()
        self._roost.start()

    def _look(self) -> int:
        """How many messages wait or are on their way, of all peers."""
        try:
            shown = {peer.name: self._call("show", {"name": peer.name}) for peer in self._peers}
        except AWAY:
            return 1
        for peer in self._peers:
            peer.queued = len(shown[peer.name]["messages"])
        return sum(peer.queued for peer in self._peers)

    def _progress(self, done: int) -> None:
        took = time.monotonic() - self._began
        self._say(
            f"{took:6.0f} s: {done} of {self._messages} done, {self._killed} of {len(self._kills)} kills,"
            f" {done / took:.0f} messages/s"
        )


def soak(seed: int, messages: int, kills: int, peers: int, say: Say, *, runtime: str = "demo") -> list[str]:
    """One run in a home of its own; returns what is wrong."""
    with make_home() as home:
        roost = Roost(home, environment(os.environ, home))
        try:
            return Soak(roost, seed, messages, kills, peers, say, runtime).run()
        finally:
            roost.finish()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _run(asked: argparse.Namespace, seed: int) -> list[str]:
    if asked.partition is not None:
        return partition(asked.partition, _say)
    _say(f"seed {seed}: {asked.messages} messages")
    if asked.leaders is not None:
        return leaders(seed, asked.messages, asked.leaders, _say)
    if asked.fleet:
        return fleet_soak(seed, asked.messages, asked.kills, _say)
    return soak(seed, asked.messages, asked.kills, asked.peers, _say, runtime=asked.runtime)


def main() -> int:
    """Run once and tell the verdict."""
    parser = argparse.ArgumentParser(prog="scripts/soak")
    parser.add_argument("--messages", type=int, default=100_000, help="how many in all (100000)")
    parser.add_argument("--kills", type=int, default=200, help="how often the daemon is killed (200)")
    parser.add_argument("--peers", type=int, default=8, help="how many agents share the messages (8)")
    parser.add_argument("--seed", type=int, default=None, help="a random one without it")
    parser.add_argument(
        "--runtime", default="demo", choices=["demo", "demo-acp"], help="of the agents (demo)"
    )
    parser.add_argument("--fleet", action="store_true", help="between hosts; kills hit daemons, hub, links")
    parser.add_argument(
        "--leaders", type=float, metavar="S", help="of a hub of three servers kill the leader every S seconds"
    )
    parser.add_argument("--partition", type=float, metavar="S", help="only cut a host off for S seconds")
    asked = parser.parse_args()
    nonce = secrets.token_hex(8)
    os.environ[processes.MARKER] = nonce
    seed = asked.seed if asked.seed is not None else secrets.randbelow(1_000_000)
    try:
        wrong = _run(asked, seed)
    except pytest.skip.Exception as skipped:
        wrong = [f"not possible here: {skipped.msg}"]
    left = prefork.end_of(nonce)
    wrong += [f"left over: {each}" for each in left]
    for line in wrong:
        _say(f"WRONG {line}")
    _say("FAILED" if wrong else "passed: none lost, none doubled, all in order")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
