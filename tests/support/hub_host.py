"""A fleet as people make it: by `roost fleet init` and the printed lines, on a real nats-server with TLS."""

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from roost.local.membership import Membership, load_membership
from tests.support.daemon import Record, Roost, roost_in
from tests.support.home import make_home
from tests.support.nats import program
from tests.support.processes import kept
from tests.support.wait import wait_until

PATIENCE = 60.0


class Joining:
    """Roosts by the names of their hosts; `mars` has the hub."""

    def __init__(self, stack: ExitStack) -> None:
        self.stack = stack
        self.roosts: dict[str, Roost] = {}
        self.server: subprocess.Popen[bytes] | None = None

    def __getitem__(self, host: str) -> Roost:
        return self.roosts[host]

    def home(self, host: str) -> Roost:
        """A roost that is in no fleet yet, and whose daemon does not run; its PATH has a nats-server."""
        home = self.stack.enter_context(make_home())
        self.stack.enter_context(kept(home.mark))
        roost = self.stack.enter_context(roost_in(home, started=False))
        roost.environ = {**roost.environ, "PATH": f"{Path(program()).parent}:{roost.environ['PATH']}"}
        self.roosts[host] = roost
        return roost

    def serve(self) -> None:
        """Start the hub's server, as `init` says; returns once it listens."""
        config = self["mars"].places.hub / "nats.conf"
        log = (self["mars"].home.root / "nats.out").open("ab")
        words = [program(), "-c", str(config)]
        environ = self["mars"].environ  # with it, it is known as what outlives a test
        self.server = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environ)
        log.close()
        address, _, port = self.member("mars").servers[0].removeprefix("tls://").rpartition(":")

        def listens() -> bool:
            try:
                socket.create_connection((address, int(port)), timeout=1).close()
            except OSError:
                return False
            return True

        wait_until(listens, timeout=PATIENCE, why="the hub listens")

    def kill_server(self) -> None:
        """SIGKILL."""
        if self.server is not None:
            self.server.send_signal(signal.SIGKILL)
            self.server.wait()
            self.server = None

    def token(self, *, ttl: float = 3600.0, uses: int = 1) -> str:
        """Another token."""
        return str(self["mars"].call("fleet_token", ttl=ttl, uses=uses)["token"])

    def member(self, host: str) -> Membership:
        """What a host's own file says."""
        found = load_membership(self[host].places.membership)
        assert found is not None
        return found

    def journal(self, kind: str) -> list[Record]:
        """What the hub's host has written down of a kind."""
        return [event["data"] for event in self["mars"].events(None, kind)]

    def reached(self, here: str) -> dict[str, bool]:
        """Which hosts a host knows, and whether they are reached."""
        told = self[here].call("fleet")
        return {each["host"]: each["reached"] for each in told["hosts"]}

    def knows(self, here: str, **hosts: bool) -> None:
        """Wait until a host knows these others, and no more."""
        wait_until(
            lambda: self.reached(here) == hosts,
            timeout=PATIENCE,
            why=f"{here} knows {hosts}",
            describe=lambda: self[here].call("fleet"),
        )


def asked(roost: Roost, *words: str) -> Record:
    """The JSON of a command that succeeds."""
    done = roost.cli(*words, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def refused(roost: Roost, *words: str, status: int = 1) -> str:
    """The one line of a command that fails."""
    done = roost.cli(*words)
    assert (done.returncode, done.stdout) == (status, ""), (done.returncode, done.stdout, done.stderr)
    return " ".join(done.stderr.split())


@contextmanager
def joined(*hosts: str) -> Iterator[Joining]:
    """A hub on mars, and these hosts joined to it, all of their daemons up."""
    with ExitStack() as stack:
        fleet = Joining(stack)
        mars = fleet.home("mars")
        made = asked(mars, "fleet", "init", "--name", "mars", "--listen", "127.0.0.1:0")
        stack.callback(fleet.kill_server)
        fleet.serve()
        mars.start()
        token = made["token"]
        for host in hosts:
            asked(fleet.home(host), "fleet", "join", token, "--name", host)
            fleet[host].start()
            token = fleet.token()
        yield fleet
