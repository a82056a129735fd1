"""A real daemon in a home of its own, driven as users drive it; the demo agents log the ground truth."""

import contextlib
import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from roost.client.connection import Client, RemoteError
from roost.core.messages import envelope
from roost.errors import RoostError
from roost.local.paths import find_places
from roost.store.reader import Reader
from tests.support import door, prefork
from tests.support.daemon_times import SPENT
from tests.support.home import Home, environment, make_home
from tests.support.processes import carrying, check_gone, kept, parent
from tests.support.wait import wait_until

Record = dict[str, Any]
PATIENCE = 60.0
_STAYS = re.compile(r"the message stays: `roost message (\w+)`")
FINAL = ("done", "expired", "refused", "dead-letter", "unknown")


class StartFailedError(AssertionError):
    """The daemon did not become ready; the text is what it said."""


class Roost:
    """One roost: a daemon that may be started, killed and started again, and the peers in it."""

    def __init__(self, home: Home, environ: Mapping[str, str] | None = None) -> None:
        """Prepare; `start` starts the daemon."""
        self.home = home
        self.truth = home.root / "truth.jsonl"
        # Inside an agent's session, too, a test's daemon ends with the test.
        own = {"ROOST_DEMO_LOG": str(self.truth), "ROOST_STAY": "1", **door.of_daemon()}
        self.environ = {**(environ or environment(os.environ, home)), **own}
        self.places = find_places(self.environ)
        self.process: subprocess.Popen[bytes] | None = None
        self.patience = PATIENCE
        """Seconds to wait for anything: no promise of the product."""
        self.output = home.root / "daemon.out"
        self.started: tuple[tuple[str, ...], Mapping[str, str] | None] = ((), None)
        """How the daemon was started last."""
        self._told = self._journalled = 0

    # the daemon

    def start(self, *argv: str, environ: Mapping[str, str] | None = None) -> "Roost":
        """Start the daemon (or `argv` in its place) and return when it is ready."""
        with SPENT.start():
            self._start(list(argv), environ or {})
        self.started = (argv, environ)
        return self

    def _start(self, argv: list[str], environ: Mapping[str, str]) -> None:
        reader, writer = os.pipe()
        variables = {**self.environ, **environ}
        with self.output.open("ab") as output:
            forked = prefork.start(argv, variables, output.fileno(), writer)
            self.process = forked or subprocess.Popen(
                [*(argv or prefork.DAEMON), "--ready-fd", str(writer)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=variables,
                pass_fds=(writer,),
                start_new_session=True,
            )
        os.close(writer)
        with os.fdopen(reader, "rb") as told:
            ready, _, _ = select.select([told], [], [], self.patience)
            word = told.readline().decode().strip() if ready else "(nothing)"
        if not word.startswith("ready "):
            self.process.wait(self.patience)
            raise StartFailedError(word or self.said()[-2000:])

    @property
    def daemon(self) -> subprocess.Popen[bytes]:
        """The running daemon's process."""
        assert self.process is not None
        return self.process

    def said(self) -> str:
        """What the daemon wrote to its standard error."""
        return self.output.read_text() if self.output.exists() else ""

    def kill(self) -> None:
        """SIGKILL the daemon, our own unreaped child."""
        with SPENT.end():
            self.daemon.send_signal(signal.SIGKILL)
            self.daemon.wait(self.patience)

    def down(self, *, agents: bool) -> None:
        """End the daemon in order."""
        if self.daemon.poll() is None:
            with SPENT.end():
                self.call("down", agents=agents)
                assert self.daemon.wait(self.patience) == 0, self.said()[-3000:]

    def finish(self) -> None:
        """End daemon and agents; a daemon that is gone is started once more to end its agents."""
        if self.process is None:
            return
        if self.process.poll() is not None and any(self.places.sessions.glob("*")):
            self.start()
        try:
            self.down(agents=True)
        finally:
            if self.process.poll() is None:
                self.kill()
        assert "Traceback" not in self.said(), self.said()[-6000:]

    def clear(self, *, but: str = "") -> None:
        """Take all peers, their folders, all mail and what tells of deaths away, for the next test.

        The peer `but` stays, in an empty folder.
        """
        for row in self.call("list"):
            if row["name"] not in ("operator", but):
                self.call("remove", name=row["name"], force=True)
        for folder in (self.home.work, *([self.home.work / but] if but else [])):
            for path in folder.iterdir() if folder.is_dir() else ():
                if path.name != but or path.parent != self.home.work:
                    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        mail = self.call("inbox", name="operator")
        self.call("acknowledge", name="operator", ids=[item["id"] for item in mail])
        self._told = self.truth.stat().st_size if self.truth.exists() else 0
        self._journalled = max((event["seq"] for event in self.events()), default=self._journalled)
        # Logs are written after the answer: what was asked meanwhile has been answered later.
        if self.places.exits_log.is_file():
            os.truncate(self.places.exits_log, 0)
        for report in self.places.forensics.glob("*"):
            report.unlink()

    # requests

    def call(self, method: str, token: str | None = None, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        """One request on the socket; parameters that are Python words end with an underscore."""
        asked = {name.rstrip("_"): value for name, value in params.items()}
        return Client(str(self.places.socket), token, lambda _note: None).call(
            method, asked, patience=self.patience
        )

    def cli(
        self,
        *arguments: str,
        data: bytes | None = None,
        environ: Mapping[str, str] | None = None,
        patience: float | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """The command line, as a user runs it."""
        done = subprocess.run(
            [*self.program(), *arguments],
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            env={**self.environ, **(environ or {})},
            cwd=self.home.work,
            timeout=self.patience if patience is None else patience,
            check=False,
        )
        texts = (done.stdout.decode(), done.stderr.decode())
        return subprocess.CompletedProcess(done.args, done.returncode, *texts)

    def program(self) -> list[str]:
        """The words that run the command line; by the native door, once that is open."""
        running = self.process is not None and self.process.poll() is None
        if running and door.is_native() and door.SWITCH not in self.environ:
            door.open_in(self.places.run)
        return door.program()

    def add(self, name: str, runtime: str = "demo", **settings: str) -> str:
        """Make a peer in a folder of its own; returns its name."""
        folder = self.home.work / name
        folder.mkdir(exist_ok=True)
        self.call("add", name=name, settings={"runtime": runtime, "dir": str(folder), **settings})
        return name

    def send(self, to: str, body: str, **options: Any) -> Record:  # noqa: ANN401 -- JSON
        """Send as the operator; returns the method's answer. A reply that was waited for counts as read."""
        try:
            sent: Record = self.call("send", to=to, body=body, **options)
        except RemoteError as error:
            if stays := _STAYS.search(str(error)):
                error.add_note(f"{self.message(stays[1])}\n{self.call('show', name=to)}")
                with contextlib.suppress(RoostError):
                    error.add_note(self.screen(to))
            raise
        if sent["reply"] is not None and sent["reply"]["unread"]:
            self.call("acknowledge", name=sent["reply"]["unread"], ids=[sent["reply"]["id"]])
        return sent

    def ask(self, to: str, body: str, **options: Any) -> str:  # noqa: ANN401 -- JSON
        """Send, wait for the reply and for the end of the turn; returns the reply's text."""
        sent = self.send(to, body, wait="replied", timeout=self.patience, **options)
        self.until_message(sent["id"], "done")
        return sent["reply"]["body"]

    def row(self, name: str) -> Record:
        """The peer's row of the registry."""
        return next(row for row in self.call("list") if row["name"] == name)

    def session(self, name: str) -> Record:
        """The peer's live session."""
        return self.row(name)["session"]

    def message(self, message_id: str) -> Record:
        """A message's whole story."""
        return self.call("message", id=message_id)

    def events(self, peer: str | None = None, *kinds: str) -> list[Record]:
        """The journal of this test, of one peer and of some kinds if asked so."""
        found: list[Record] = []
        Client(str(self.places.socket), None, lambda _note: None).call(
            "events",
            {"peer": peer, "after": self._journalled},
            on_event=found.append,
            patience=self.patience,
        )
        return [event for event in found if not kinds or event["kind"] in kinds]

    def transcript(self, name: str, **params: Any) -> list[Record]:  # noqa: ANN401 -- JSON
        """What was said in the peer's conversation: a head, its turns, the end."""
        found: list[Record] = []
        Client(str(self.places.socket), None, lambda _note: None).call(
            "transcript", {"name": name, **params}, on_event=found.append, patience=self.patience
        )
        return found

    def carried(self, name: str) -> list[str]:
        """The ids of the messages in the prompts of the peer's conversation, in order."""
        turns = self.transcript(name, first=1)
        return [turn["message"] for turn in turns if turn.get("message") is not None]

    def deaths(self, name: str) -> list[Record]:
        """The peer's death records."""
        return self.call("deaths", name=name)

    # waiting

    def until_state(self, name: str, *states: str) -> Record:
        """Wait until the peer shows one of these states; returns its row."""
        seen: Record = {}

        def there() -> bool:
            nonlocal seen
            seen = self.row(name)
            return seen["state"] in states

        wait_until(
            there, timeout=self.patience, why=f"{name} is {' or '.join(states)}", describe=lambda: seen
        )
        return seen

    def until_message(self, message_id: str, *states: str) -> Record:
        """Wait until the message is in one of these states; returns its story."""
        seen: Record = {}

        def there() -> bool:
            nonlocal seen
            seen = self.message(message_id)
            return seen["state"] in states

        wait_until(
            there, timeout=self.patience, why=f"the message is {' or '.join(states)}", describe=lambda: seen
        )
        return seen

    def until_death(self, name: str, count: int = 1) -> Record:
        """Wait for that many deaths of the peer; returns the latest."""
        wait_until(
            lambda: len(self.deaths(name)) >= count,
            timeout=self.patience,
            why=f"{count} deaths of {name}",
            describe=lambda: (self.row(name), self.deaths(name)),
        )
        return self.deaths(name)[-1]

    # the truth

    def happened(self, what: str = "") -> list[Record]:
        """What truly happened to the demo agents, in order."""
        lines = self.truth.read_bytes()[self._told :].split(b"\n")[:-1] if self.truth.exists() else []
        records = [json.loads(line) for line in lines]
        return [record for record in records if not what or record["what"] == what]

    def prompts(self, message_id: str) -> list[Record]:
        """Every prompt that held the message's header: more than one is a message shown twice."""
        return [one for one in self.happened("prompt") if f"[roost message {message_id} from " in one["text"]]

    def pasted(self, message_id: str, body: str) -> str:
        """The text that the agent must have got for this body."""
        reader = Reader(self.places.database)
        try:
            stored = reader.message(message_id)
            assert stored is not None
            message = stored.message
            seed = next(state.peer.seed for state in reader.peers() if state.peer.name == message.to)
        finally:
            reader.close()
        return envelope.wrap(message, body, envelope.boundary(seed, message_id, message.attempts))

    def token(self, name: str) -> str:
        """The token that the peer's agent was given."""
        return environ_of(self.session(name)["agent_pid"])["ROOST_TOKEN"]

    # a person at the terminal

    def tmux(self, name: str, *arguments: str) -> str:
        """One tmux command at the peer's own server."""
        command = ["tmux", "-S", self.session(name)["socket"], *arguments]
        done = subprocess.run(
            command, env=self.environ, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return done.stdout

    def keys(self, name: str, *keys: str) -> None:
        """Press keys in the peer's terminal."""
        self.tmux(name, "send-keys", "-t", ":", *keys)

    def screen(self, name: str) -> str:
        """The peer's visible screen."""
        return self.call("screen", name=name)["text"]

    def until_screen(self, name: str, text: str) -> None:
        """Wait until a text stands on the peer's screen."""
        wait_until(
            lambda: text in self.screen(name),
            timeout=self.patience,
            why=f"'{text}' stands on the screen of {name}",
            describe=lambda: self.screen(name),
        )


@contextmanager
def roost_in(home: Home, *, started: bool = True) -> Iterator[Roost]:
    """A roost in this home; at the end its daemon and all its agents are gone, in order."""
    roost = Roost(home)
    try:
        if started:
            roost.start()
        yield roost
    finally:
        roost.finish()


@contextmanager
def shared_roost(prepare: Callable[[Home], object] = lambda _home: None) -> Iterator[Roost]:
    """A roost in a home of its own, which may be prepared, for the tests of one module."""
    with make_home() as home:
        prepare(home)
        with kept(home.mark), roost_in(home) as made:
            yield made


@contextmanager
def cleared(roost: Roost, *, but: str = "") -> Iterator[Roost]:
    """A shared roost for one test, which finds no peer, no mail and no truth of another; see `Roost.clear`.

    A daemon that the test leaves in the place of the shared one, or none, is replaced by one like that.
    Nothing but the daemon, what it keeps and the peer `but` outlives the test.
    """
    argv, environ = roost.started
    if roost.daemon.poll() is not None:
        roost.start(*argv, environ=environ)
    try:
        yield roost
    finally:
        if roost.daemon.poll() is None and roost.started != (argv, environ):
            roost.down(agents=False)
        if roost.daemon.poll() is not None:
            roost.start(*argv, environ=environ)
        roost.clear(but=but)
        if not but:
            pid = roost.daemon.pid
            left = carrying(roost.home.mark)
            kept_by_it = {pid, *(each.pid for each in left if parent(each) == pid)}
            check_gone(frozenset(each for each in left if not {each.pid, parent(each)} & kept_by_it))


def signal_pid(pid: int, number: signal.Signals) -> None:
    """Signal a process that the daemon has just named; the handle cannot come to mean another process."""
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def alive(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def sha256(text: str) -> str:
    """As in the demo agent's log."""
    return hashlib.sha256(text.encode()).hexdigest()


def environ_of(pid: int) -> dict[str, str]:
    """The environment a process was started with."""
    pairs = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)
