"""What chaos does to a roost: a seeded choice among the acts of operators, agents, people and bad luck."""

import contextlib
import os
import pty
import random
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import roost
from roost.client.connection import Client, ConnectionLostError
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import SessionState
from roost.errors import NoDaemonError, RoostError
from roost.host.process import SystemProcesses
from tests.support.chaos_oracle import Sent, states
from tests.support.daemon import Roost

SOURCE = str(Path(roost.__file__).parent.parent)
"""The agents run the same roost as the daemon, wherever it stands."""
QUICK = {"quiet": "500ms", "silence": "4s", "restarts": "1000", "env.PYTHONPATH": SOURCE}
PEERS: dict[str, dict[str, str]] = {
    "warm-a": QUICK | {"idle": "3s"},
    "warm-b": QUICK | {"resume": "always", "idle": "2s"},
    "warm-c": QUICK | {"restarts": "4", "restart_window": "20s"},
    "always-a": QUICK | {"wake": "always"},
    "eph-a": QUICK | {"wake": "ephemeral"},
    "eph-b": QUICK | {"wake": "ephemeral", "quiet": "200ms"},
    "acp-a": QUICK | {"runtime": "demo-acp", "idle": "3s"},
    "acp-b": QUICK | {"runtime": "demo-acp", "resume": "always", "idle": "2s"},
    "acp-eph": QUICK | {"runtime": "demo-acp", "wake": "ephemeral"},
}
ACP_KEYS = {"y": ("C-u", "1", "Enter"), "n": ("C-u", "2", "Enter"), "Escape": ("Escape",)}
"""How what a demo agent behind an ACP client asks is answered."""
MAILBOX = "person"
FAULTY = Path(__file__).resolve().parent / "faulty_daemon.py"
BODIES = (
    "hello",
    "hello\nsecond line",
    "@@silent@@",
    "@@delay 0.3@@",
    "@@silent@@\n@@delay 0.6@@",
    "@@delay 1.5@@\n@@reply slow@@",
    "@@steer@@\n@@delay 1.0@@\n@@reply steered@@",
    "@@send {peer} from {me}@@",
    "@@silent@@\n@@send {peer} quietly@@",
    "@@ask@@",
    "@@reply first@@\n@@ask@@",
    "@@exit 3@@",
    "@@exit 0@@",
    "@@reply bye@@\n@@exit 0@@",
    "@@kill 9@@",
    "@@delay 0.2@@\n@@kill 9@@",
    "@@reply bye@@\n@@kill 11@@",
    "@@fork 1@@",
    "@@drop-enter 1@@",
    "@@ignore TERM@@",
    "@@ignore HUP@@",
    "@@hang@@",
    "x" * 3000,
)
WEIGHTS = (8, 4, 4, 4, 6, 3, 2, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1)


def pause(seconds: float) -> None:
    """Let the others act for a while."""
    threading.Event().wait(seconds)


class Acts:
    """A roost, its peers, and all that can be done to them."""

    def __init__(self, roost: Roost, seed: int, *, faults: float = 0.0, verbose: bool = False) -> None:
        """`faults`: the share of the daemon's dealings with the machine that fail."""
        self.roost = roost
        self.faults = faults
        self.fault_order = roost.home.root / "faults"
        roost.environ["ROOST_FAULTS"] = str(self.fault_order)
        roost.environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        self.random = random.Random(seed)  # noqa: S311 -- reproducible, not secret
        self.sent: list[Sent] = []
        self.keyed: list[tuple[str, str, str]] = []
        self.removed: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.log: list[str] = []
        self._verbose = verbose
        self._began = time.monotonic()
        self._daemon = threading.RLock()
        self._renewing = {name: threading.Lock() for name in PEERS}
        self._processes = SystemProcesses()
        self._resting = False

    # acting

    def note(self, text: str) -> None:
        line = f"{time.monotonic() - self._began:7.2f} {text}"
        self.log.append(line)
        if self._verbose:
            sys.stderr.write(line + "\n")

    def start(self) -> None:
        """Start the daemon, with its faults if there are any."""
        if not self.faults:
            self.roost.start()
            return
        self.roost.start(sys.executable, str(FAULTY))

    def set_up(self) -> None:
        """The daemon and the peers."""
        self.start()
        for name, settings in PEERS.items():
            self.roost.add(name, **settings)
        self.roost.add(MAILBOX, "human")
        if self.faults:
            self.fault_order.write_text(str(self.faults))

    def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        """A request that may fail as chaos has it; None then."""
        asked = {name.rstrip("_"): value for name, value in params.items()}
        try:
            return Client(str(self.roost.places.socket), None, lambda _note: None).call(
                method, asked, patience=60.0
            )
        except ConnectionLostError as error:
            if "did not answer" in error.message:
                self.wrong.append(f"{method} {asked} was not answered")
                self.note(f"NOT ANSWERED {method} {asked}")
            return None
        except NoDaemonError:
            return None
        except RoostError as error:
            self.refused[f"{method}: {error.message[:60]}"] += 1
            return None

    def peer(self) -> str:
        return self.random.choice(list(PEERS))

    def plan(self) -> tuple[str, Callable[[], object]]:
        """The next operation, all its choices made."""
        weights = {
            self.plan_send: 60,
            self.plan_burst: 4,
            self.plan_resend: 6,
            self.plan_request: 16,
            self.plan_set: 3,
            self.plan_dialog: 8,
            self.plan_person: 4,
            self.plan_detach: 2,
            self.plan_renew: 2,
            self.plan_kill: 10,
            self.plan_daemon: 5,
        }
        return self.random.choices(list(weights), list(weights.values()))[0]()

    def plan_send(self) -> tuple[str, Callable[[], object]]:
        chance = self.random.random
        to = MAILBOX if chance() < 0.05 else self.peer()
        body = self.random.choices(BODIES, WEIGHTS)[0].format(peer=self.peer(), me=to)
        options: dict[str, Any] = {}
        if chance() < 0.4:
            options["topic"] = self.random.choice(["red", "green", "blue"])
        if chance() < 0.3:
            options["key"] = secrets.token_hex(6)
        if chance() < 0.1:
            options["ttl"] = self.random.choice([0.5, 3.0, 20.0])
        if chance() < 0.2:
            options["from"] = MAILBOX
        if chance() < 0.2:
            options["when"] = "now"
        if chance() < 0.15:
            options |= {"wait": self.random.choice(["accepted", "done", "replied"]), "timeout": 4.0}
        return f"send {to} {body[:40]!r} {options}", lambda: self.send(to, body, options)

    def send(self, to: str, body: str, options: dict[str, Any]) -> None:
        since = self.removed[to]
        if options.get("key"):
            self.keyed.append((to, body, options["key"]))
            if "from" in options:
                options = {name: value for name, value in options.items() if name != "from"}
        answer = self.call("send", to=to, body=body, **options)
        if answer is not None:
            self.sent.append(Sent(answer["id"], to, body, options.get("key"), since))

    def plan_burst(self) -> tuple[str, Callable[[], object]]:
        """The same key at once from many, or many messages at once."""
        to, key = self.peer(), secrets.token_hex(6)
        same = self.random.random() < 0.5

        def burst() -> None:
            with ThreadPoolExecutor(5) as pool:
                for number in range(5):
                    pool.submit(
                        self.send, to, "once" if same else f"burst {number}", {"key": key} if same else {}
                    )

        return f"burst {to} {'same key' if same else ''}", burst

    def plan_resend(self) -> tuple[str, Callable[[], object]]:
        if not self.keyed:
            return self.plan_send()
        to, body, key = self.random.choice(self.keyed)
        return f"again {to} {key}", lambda: self.send(to, body, {"key": key})

    def plan_request(self) -> tuple[str, Callable[[], object]]:
        name = self.peer()
        method = self.random.choices(
            ["wake", "fresh", "resume", "stop", "start", "restart", "done"], [4, 2, 2, 5, 8, 3, 2]
        )[0]
        if method in ("fresh", "resume"):
            return f"wake {method} {name}", lambda: self.call("wake", name=name, mode=method)
        if method == "done":
            return f"bye {name}", lambda: self.send(name, "@@reply ok@@\n@@exit 0@@", {})
        return f"{method} {name}", lambda: self.call(method, name=name)

    def plan_set(self) -> tuple[str, Callable[[], object]]:
        name = self.peer()
        pair = self.random.choice(
            [
                ("idle", self.random.choice(["500ms", "2s", "1h"])),
                ("wake", self.random.choice(["warm", "ephemeral", "always"])),
                ("resume", self.random.choice(["topic", "never"])),
                ("runtime", PEERS[name].get("runtime", "demo")),
            ]
        )
        return f"set {name} {pair}", lambda: self.call("set", name=name, pairs=[pair])

    def plan_dialog(self) -> tuple[str, Callable[[], object]]:
        key = self.random.choice(["y", "n", "Escape"])
        return f"answer dialogs {key}", lambda: self.answer(key)

    def answer(self, key: str) -> None:
        for state in states(self.roost).values():
            if state.session is not None and state.session.state is SessionState.BLOCKED:
                keys = ACP_KEYS[key] if state.peer.settings.runtime == "demo-acp" else (key,)
                self.tmux(state, "send-keys", "-t", ":", *keys)

    def tmux(self, state: PeerState, *arguments: str) -> str:
        session = state.session
        if session is None or session.processes is None:
            return ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(
                ["tmux", "-S", session.processes.socket, *arguments],
                env=self.roost.environ,
                capture_output=True,
                text=True,
                check=False,
                timeout=10,
            ).stdout
        return ""

    def plan_person(self) -> tuple[str, Callable[[], object]]:
        name, joins = self.peer(), self.random.random() < 0.4
        return f"person at {name}{' attached' if joins else ''}", lambda: self.person(name, joins=joins)

    def person(self, name: str, *, joins: bool) -> None:
        """Somebody begins a draft and takes it back."""
        state = states(self.roost).get(name)
        if state is None or state.session is None or state.session.processes is None:
            return
        with self._attached(state.session.processes.socket) if joins else contextlib.nullcontext():
            self.tmux(state, "send-keys", "-t", ":", "-l", "perhaps")
            pause(0.5)
            self.tmux(state, "send-keys", "-t", ":", *["BSpace"] * 7)

    @contextlib.contextmanager
    def _attached(self, socket: str) -> Iterator[None]:
        ours, theirs = pty.openpty()
        client = subprocess.Popen(
            ["tmux", "-S", socket, "attach"],
            env={**self.roost.environ, "TERM": "xterm"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        try:
            pause(0.3)
            yield
        finally:
            client.kill()
            client.wait()
            os.close(ours)

    def plan_detach(self) -> tuple[str, Callable[[], object]]:
        name = self.peer()
        return f"detach all of {name}", lambda: self.detach(name)

    def detach(self, name: str) -> None:
        state = states(self.roost).get(name)
        if state is not None:
            for client in self.tmux(state, "list-clients", "-F", "#{client_name}").split():
                self.tmux(state, "detach-client", "-t", client)

    def plan_renew(self) -> tuple[str, Callable[[], object]]:
        name, wakes = self.peer(), self.random.random() < 0.5
        return f"remove and add {name}", lambda: self.renew(name, wakes=wakes)

    def renew(self, name: str, *, wakes: bool) -> None:
        """Remove, perhaps in the middle of a launch, and add a peer of the same name right after."""
        with self._renewing[name]:
            self.removed[name] += 1  # messages of now may go or stay
            if wakes:
                self.send(name, "wake up", {})
            self.call("remove", name=name, force=True)
            self.removed[name] += 1
            self.revive(name)

    def revive(self, name: str) -> None:
        folder = self.roost.home.work / name
        folder.mkdir(exist_ok=True)
        self.call("add", name=name, settings={"runtime": "demo", "dir": str(folder), **PEERS[name]})

    def plan_kill(self) -> tuple[str, Callable[[], object]]:
        name = self.peer()
        what = [each for each in ("agent", "shim", "server") if self.random.random() < 0.4] or ["agent"]
        daemon = self.random.random() < 0.15
        if daemon:
            delay = self.random.random() * 0.5
            return f"kill {what} of {name} and the daemon", lambda: self.kill_all(name, what, delay)
        return f"kill {what} of {name}", lambda: self.kill(name, what)

    def kill_all(self, name: str, what: list[str], delay: float) -> None:
        with self._daemon:
            self.kill(name, what)
            self.crash(delay)

    def kill(self, name: str, what: list[str]) -> None:
        state = states(self.roost).get(name)
        session = state.session if state else None
        if session is None or session.processes is None:
            return
        for each in what:
            self.strike(getattr(session.processes, each))

    def strike(self, process: ProcessId) -> None:
        """SIGKILL a process of our own session, identity verified on the handle."""
        with contextlib.suppress(RoostError, PermissionError):
            self._processes.signal(process, signal.SIGKILL)

    def plan_daemon(self) -> tuple[str, Callable[[], object]]:
        what = self.random.choice(["crash", "crash", "crash-twice", "freeze", "down", "term", "down-all"])
        delay = self.random.random() * 0.6
        actions: dict[str, Callable[[], object]] = {
            "crash": lambda: self.crash(delay),
            "crash-twice": lambda: self.crash(0, again=delay),
            "freeze": self.freeze,
            "down": lambda: self.down(agents=False),
            "term": self.term,
            "down-all": lambda: self.down(agents=True),
        }
        return f"daemon {what} {delay:.2f}", actions[what]

    def crash(self, delay: float, *, again: float = 0.0) -> None:
        with self._daemon:
            self.roost.kill()
            pause(delay)
            if again:
                self._half_start(again)
            self.start()

    def _half_start(self, seconds: float) -> None:
        """A daemon that is killed in the middle of its start."""
        with self.roost.output.open("ab") as output:
            half = subprocess.Popen(
                [sys.executable, "-m", "roost.daemon"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.roost.environ,
                start_new_session=True,
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            half.wait(0.5 + seconds * 1.5)
        half.kill()
        half.wait()

    def freeze(self) -> None:
        with self._daemon:
            self.roost.daemon.send_signal(signal.SIGSTOP)
            pause(2)
            self.roost.daemon.send_signal(signal.SIGCONT)

    def down(self, *, agents: bool) -> None:
        with self._daemon:
            self.call("down", agents=agents)
            self._left("down")
            self.start()

    def term(self) -> None:
        with self._daemon:
            self.roost.daemon.send_signal(signal.SIGTERM)
            self._left("SIGTERM")
            self.start()

    def _left(self, why: str) -> None:
        try:
            code = self.roost.daemon.wait(40)
        except subprocess.TimeoutExpired:
            self.wrong.append(f"the daemon did not leave within 40 s after {why}")
            self.note(f"STUCK at {why}: {self.overview()}")
            self.roost.kill()
        else:
            if code != 0:
                self.wrong.append(f"the daemon left with {code} after {why}")

    def rage(self, seconds: float, pace: float) -> None:
        """Operations at random times, side by side."""
        deadline = time.monotonic() + seconds
        with ThreadPoolExecutor(24) as pool:
            while time.monotonic() < deadline:
                name, work = self.plan()
                self.done[name.split()[0]] += 1
                pool.submit(self._safely, name, work)
                pause(self.random.expovariate(1 / pace))

    def _safely(self, name: str, work: Callable[[], object]) -> None:
        self.note(name)
        try:
            work()
        except Exception as error:  # noqa: BLE001 -- whatever goes wrong is a finding
            self.wrong.append(f"{name}: {type(error).__name__}: {error}")

    def overview(self) -> str:
        lines = [str(row) for row in states(self.roost).values()]
        return "\n".join(lines)[-6000:]
