"""What a fleet costs by the number of its hosts: `python -m tests.support.scale`, behind `scripts/scale`.

One real nats-server on 127.0.0.1, and for each size that many hosts in a few processes (`scale_hosts`). What
is measured: how long they take to know each other, what the hub and a host take while nothing happens and
while peers change their states, what the hub keeps, and how long a message takes between two hosts.
"""

import argparse
import asyncio
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import psutil

from benchmarks.result import figure
from roost.daemon.hosts.keyring import Certificate, certify
from roost.host.nats.directory import NatsDirectory
from roost.host.nats.hub import Hub as Connection
from roost.host.seal import sealing_pair, signing_pair
from tests.support.nats import Hub, hub_in

SIZES = (3, 10, 30, 100, 200)
PROCESSES = 2
PEERS = 20
WINDOW = 20.0
"""Seconds for which each state of things is watched."""
RATE = 0.1
"""Changes of states a second at each host, while peers are at work: 20 peers, two changes a turn of 400 s."""
MESSAGES = 10
"""Messages that each host sends to others."""
PAUSE = 1.0
"""Seconds between two of them."""
PATIENCE = 300.0
PAGE = Path(__file__).parents[2] / "docs/scale.md"
BEGIN, END = "<!-- written by scripts/scale --docs -->", "<!-- until here -->"
Figures = dict[str, float]


class Worker:
    """A process of hosts."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", "tests.support.scale_hosts"]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.names: list[str] = []

    def tell(self, do: str, **fields: object) -> None:
        """Have something done."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, **fields}).encode() + b"\n")
        self.process.stdin.flush()

    def answer(self) -> Any:  # noqa: ANN401 -- JSON
        """What it answers, once it is done."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("a process of hosts has ended; what it said is above")
        return json.loads(line)


class Simulation:
    """A fleet of one size."""

    def __init__(self, hub: Hub, monitor: int, workers: Sequence[Worker], size: int) -> None:
        self._hub = hub
        self._monitor = monitor
        self._workers = workers
        self._size = size
        self._names = [f"host-{number:04}" for number in range(size)]
        assert hub.process is not None
        self._server = psutil.Process(hub.process.pid)

    def all(self, do: str, **fields: object) -> list[Any]:
        """Have all processes do it, at the same time."""
        for worker in self._workers:
            worker.tell(do, **fields)
        return [worker.answer() for worker in self._workers]

    def run(self, peers: int) -> Figures:
        """All figures of this size."""
        self.all("heard", word="")  # they have loaded what they need
        bare = self._server.memory_info().rss
        alone = sum(psutil.Process(worker.process.pid).memory_info().rss for worker in self._workers)
        found: Figures = {"hosts": self._size, "peers of each": peers}
        begun = time.monotonic()
        self._start(peers)
        self._all_hear("begun")
        found["begun, all hear all after, s"] = time.monotonic() - begun
        found |= {f"idle: {name}": value for name, value in self._window().items()}
        found["hub, MB more than empty"] = (self._server.memory_info().rss - bare) / 1e6
        spent = sum(psutil.Process(worker.process.pid).memory_info().rss for worker in self._workers)
        found["a host, MB"] = (spent - alone) / 1e6 / self._size
        jetstream = self._asked("jsz?consumers=true")
        found["streams"] = jetstream["streams"]
        found["consumers"] = jetstream["consumers"]
        found["reserved for streams, MB"] = jetstream["reserved_storage"] / 1e6
        self.all("change", rate=RATE)
        found |= {f"at work: {name}": value for name, value in self._window().items()}
        self.all("change", rate=0)
        found |= self._messages()
        begun = time.monotonic()
        self._hub.kill()
        self._hub.start()
        self._all_hear("back")
        found["hub killed, all hear all after, s"] = time.monotonic() - begun
        return found

    def _start(self, peers: int) -> None:
        authority = signing_pair()
        pairs = {name: sealing_pair() for name in self._names}

        async def certified() -> None:
            connection = Connection("authority", [self._hub.url])
            directory = NatsDirectory(connection)
            for name, pair in pairs.items():
                await directory.put(
                    f"cert.{name}", certify(Certificate(name, pair.public.hex(), "", 1), authority.private)
                )
            await connection.close()

        asyncio.run(certified())
        for number, worker in enumerate(self._workers):
            worker.names = self._names[number :: len(self._workers)]
            mine = {name: pairs[name].private.hex() for name in worker.names}
            worker.tell("start", url=self._hub.url, hosts=mine, authority=authority.public.hex(), peers=peers)
        for worker in self._workers:
            worker.answer()

    def _all_hear(self, word: str) -> None:
        """Each host says something new, and each hears it from all others."""
        self.all("say", word=word)
        pairs = self._size * (self._size - 1)
        deadline = time.monotonic() + PATIENCE
        while (heard := sum(self.all("heard", word=word))) < pairs:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{heard} of {pairs} have heard it after {PATIENCE:g} s")
            time.sleep(0.2)

    def _window(self) -> Figures:
        """What is spent and said in a while, a second."""

        def counted() -> Figures:
            said = self._asked("varz")
            return {
                "hub, % of a core": sum(self._server.cpu_times()[:2]) * 100,
                "a host, % of a core": self._spent() * 100 / self._size,
                "into the hub, messages/s": said["in_msgs"],
                "out of the hub, messages/s": said["out_msgs"],
                "out of the hub, kB/s": said["out_bytes"] / 1e3,
                "the hub's disk, kB/s": self._server.io_counters().write_bytes / 1e3,
            }

        begun, before = time.monotonic(), counted()
        time.sleep(WINDOW)
        seconds, after = time.monotonic() - begun, counted()
        return {name: (after[name] - before[name]) / seconds for name in after}

    def _spent(self) -> float:
        """Seconds of processor time of all hosts so far."""
        return sum(sum(psutil.Process(each.process.pid).cpu_times()[:2]) for each in self._workers)

    def _messages(self) -> Figures:
        """Each host sends some to others."""
        begun, before = time.monotonic(), self._spent()
        self.all("send", to=self._names, count=MESSAGES, pause=PAUSE)
        seconds, spent = time.monotonic() - begun, self._spent() - before
        deadline = time.monotonic() + PATIENCE
        while True:
            times = self.all("times")
            sent = {key: at for each in times for key, at in each["sent"].items()}
            taken = {key: at for each in times for key, at in each["taken"].items()}
            if len(taken) >= len(sent):
                break
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(taken)} of {len(sent)} messages have come")
            time.sleep(0.2)
        took = [(taken[key] - at) * 1000 for key, at in sent.items()]
        return {
            "messages a second in all": len(sent) / seconds,
            "sending and receiving, % of a core": spent / seconds * 100,
            "message, p50 ms": median(took),
            "message, p99 ms": quantiles(took, n=100, method="inclusive")[-1],
        }

    def _asked(self, what: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._monitor}/{what}", timeout=30) as answer:
            return json.load(answer)


def measure(size: int, peers: int, processes: int = PROCESSES) -> Figures:
    """The figures of a fleet of that many hosts."""
    with _folder() as folder, contextlib.ExitStack() as stack:
        hub = stack.enter_context(hub_in(folder, "http: 127.0.0.1:-1\n"))
        (told,) = (folder / "ports").glob("*.ports")
        monitor = int(json.loads(told.read_text())["monitoring"][0].rpartition(":")[2])
        workers = [Worker() for _ in range(min(processes, size))]
        try:
            return Simulation(hub, monitor, workers, size).run(peers)
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.communicate()


@contextmanager
def _folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="rs", dir="/tmp"))
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/scale", description=(__doc__ or "").split("\n\n")[1])
    parser.add_argument(
        "sizes", nargs="*", type=int, default=SIZES, help="numbers of hosts (3 10 30 100 200)"
    )
    parser.add_argument("--peers", type=int, default=PEERS, help="peers of each host (20)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--docs", action="store_true", help="write the table of docs/scale.md")
    asked = parser.parse_args()
    found: list[Figures] = []
    for size in asked.sizes:
        sys.stderr.write(f"{size} hosts ...\n")
        found.append(measure(size, asked.peers))
    if asked.docs:
        PAGE.write_text(replaced(PAGE.read_text(), table(found)))
    sys.stdout.write((json.dumps(found) if asked.json else table(found)) + "\n")
    return 0


def table(found: Sequence[Figures]) -> str:
    """The figures as Markdown."""
    name, *names = found[0]
    head = f"| {name} | " + " | ".join(f"{each[name]:,.0f}" for each in found) + " |"
    rows = [f"| {row} | " + " | ".join(figure(each[row]) for each in found) + " |" for row in names]
    return "\n".join([head, "|---" * (len(found) + 1) + "|", *rows])


def replaced(page: str, measured: str) -> str:
    """The page with another table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{measured}\n\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
