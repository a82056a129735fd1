"""What people, agents and bad clients do to a daemon for an hour, each in a thread of its own."""

import math
import random
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from roost.client.connection import Client, ConnectionLostError, RemoteError
from roost.errors import NoDaemonError
from tests.support.daemon import FINAL, Roost

STEADY = 0.15
"""Seconds between two messages to those that are always awake."""
WIDE = 2.5
"""Seconds between two messages to the others: most of them wake one."""
BACKLOG = 400
"""Unfinished messages at which the senders wait."""
HEALS = 60.0
"""Seconds after which what a full disk ended lives again."""
PATIENCE = 150.0
"""Seconds for an answer: a pause of the whole machine takes a minute."""


class Load:
    """All of it. Accepted messages are followed until they have ended; `wrong` is what should not be."""

    def __init__(self, roost: Roost, awake: Sequence[str], others: Sequence[str], seed: int) -> None:
        """Send to the peers `awake`, which live always, and to the `others`."""
        self._roost = roost
        self._awake = awake
        self._others = others
        self._seed = seed
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open: list[str] = []
        self._threads: list[threading.Thread] = []
        self.accepted: list[str] = []
        self.states: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.paused = False
        """Whether everything of this roost stands still now."""
        self._full: list[tuple[float, float]] = []

    def fill(self) -> None:
        """The disk is full from now on (Unix time)."""
        self._full.append((time.time(), math.inf))

    def empty(self) -> None:
        """It is not any more."""
        self._full[-1] = (self._full[-1][0], time.time() + HEALS)

    def was_full(self, at: float) -> bool:
        """Whether the disk was full then, or had been some seconds before."""
        return any(begin <= at <= end for begin, end in self._full)

    def start(self) -> None:
        """Begin."""
        doings: dict[str, tuple[Callable[[random.Random, int], object], float]] = {
            "steady": (lambda chance, turn: self._send(chance, turn, "s", self._awake), STEADY),
            "wide": (lambda chance, turn: self._send(chance, turn, "w", self._others), WIDE),
            "finish": (lambda _chance, _turn: self.follow(), 1.0),
            "mailbox": (lambda _chance, _turn: self._read(), 5.0),
            "looks": (lambda _chance, turn: self._look(turn), 2.0),
            "command": (lambda _chance, _turn: self._command(), 30.0),
            "mute": (lambda _chance, turn: self._mute(turn), 1.0),
        }
        for name, (doing, pause) in doings.items():
            thread = threading.Thread(target=self._repeat, args=(name, doing, pause), name=name)
            self._threads.append(thread)
            thread.start()

    def finish(self) -> None:
        """No more from now on; returns when the threads have ended."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, name: str, doing: Callable[[random.Random, int], object], pause: float) -> None:
        chance = random.Random(f"{self._seed} {name}")  # noqa: S311 -- reproducible, not secret
        turn = 0
        while not self._stop.wait(pause):
            try:
                doing(chance, turn)
            except (NoDaemonError, ConnectionLostError) as error:
                self.wrong.append(f"{name}: {error.message}")
            except RemoteError as error:
                self._excuse(name, error)
            turn += 1

    def _excuse(self, name: str, error: RemoteError) -> None:
        """Only a full disk is a reason to refuse: what is stored, or a look at a session that ended by it."""
        self.refused[error.remote_code] += 1
        if not self.was_full(time.time()):
            self.wrong.append(f"{name}: refused: {error.message}")

    def _call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        asked = {name.rstrip("_"): value for name, value in params.items()}
        client = Client(str(self._roost.places.socket), None, lambda _note: None)
        return client.call(method, asked, patience=PATIENCE)

    def _send(self, chance: random.Random, turn: int, series: str, peers: Sequence[str]) -> None:
        """One message; a refused one counts as not sent. Each tenth is answered."""
        if len(self._open) > BACKLOG:
            return
        talk = "" if turn % 10 == 7 else "@@silent@@\n"
        long = "a longer line of text\n" * 300 if turn % 50 == 13 else ""
        body = f"{talk}number {turn}\n{long}"
        made = self._call("send", to=chance.choice(peers), body=body, key=f"{series}-{turn}")
        with self._lock:
            self._open.append(made["id"])
            self.accepted.append(made["id"])

    def follow(self) -> int:
        """Ask what has become of the unfinished ones; returns how many are left."""
        with self._lock:
            asked = list(self._open)
        ended: set[str] = set()
        for each in asked:
            state = self._call("message", id=each)["state"]
            if state in FINAL:
                ended.add(each)
                self.states[state] += 1
        with self._lock:
            self._open = [each for each in self._open if each not in ended]
            return len(self._open)

    def unfinished(self) -> list[str]:
        """The ids of those."""
        with self._lock:
            return list(self._open)

    def _read(self) -> None:
        """The operator reads what came, and takes it."""
        mail = self._call("inbox", name="operator")
        if mail:
            self._call("acknowledge", name="operator", ids=[each["id"] for each in mail])

    def _look(self, turn: int) -> None:
        name = self._others[turn % len(self._others)]
        looks: tuple[tuple[str, dict[str, Any]], ...] = (
            ("list", {}),
            ("show", {"name": name}),
            ("messages", {}),
            ("deaths", {"name": name}),
            ("doctor", {}),
            ("logs", {"name": self._awake[0]}),
            ("screen", {"name": self._awake[0]}),
            ("metrics", {}),
        )
        method, params = looks[turn % len(looks)]
        self._call(method, **params)

    def _command(self) -> None:
        was_paused = self.paused
        argv = [sys.executable, "-m", "roost", "list"]
        done = subprocess.run(
            argv, env=self._roost.environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
        if done.returncode and not (was_paused or self.paused):
            self.wrong.append(f"roost list ended with {done.returncode}: {done.stderr}")

    def _mute(self, turn: int) -> None:
        """Clients that ask and do not read, or begin and do not go on; held for a while."""
        if turn % 20:
            return
        held: list[socket.socket] = []
        try:
            for data in (
                b'{"id":1,"method":"events","params":{"follow":true}}\n',
                b'{"id":1,"method":"list"}\n' * 400,
                b'{"id":1,"method":"list"',
                b"",
            ):
                held.append(_connected(self._roost.places.socket))
                with suppress(OSError):
                    held[-1].sendall(data)
            self._stop.wait(15.0)
        finally:
            for each in held:
                each.close()


def _connected(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.settimeout(5.0)
    made.connect(str(path))
    return made
