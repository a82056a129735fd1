"""A fleet of real daemons on one machine: each in a home of its own, all on one real nats-server."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from roost.daemon.hosts.keyring import Certificate, certify
from roost.host.errors import CarrierGone
from roost.host.nats.directory import NatsDirectory
from roost.host.nats.hub import Hub as Connection
from roost.host.seal import Pair, sealing_pair, signing_pair
from roost.local.membership import Membership
from tests.support.daemon import Roost, roost_in
from tests.support.home import make_home
from tests.support.nats import hub_in
from tests.support.processes import kept
from tests.support.wait import wait_until

PATIENCE = 60.0


class Hosts:
    """Daemons by the names of their hosts. `urls`: where the tests reach the servers of their hub."""

    def __init__(self, urls: Sequence[str], replicas: int = 1) -> None:
        self.urls = tuple(urls)
        self.replicas = replicas
        self.authority = signing_pair()
        self.pairs: dict[str, Pair] = {}
        self.roosts: dict[str, Roost] = {}

    def __getitem__(self, host: str) -> Roost:
        return self.roosts[host]

    def certify(self, host: str, serial: int = 1, *, revoked: bool = False) -> None:
        """Tell the fleet whose key is this host's."""
        certificate = Certificate(host, self.pairs[host].public.hex(), "", serial, revoked)
        signed = certify(certificate, self.authority.private)

        why = ""

        async def put() -> bool:
            nonlocal why
            connection = Connection("authority", self.urls, replicas=self.replicas)
            try:
                await NatsDirectory(connection).put(f"cert.{host}", signed)
            except CarrierGone as gone:  # servers that have no leader yet
                why = str(gone)
                return False
            finally:
                await connection.close()
            return True

        wait_until(
            lambda: asyncio.run(put()),
            timeout=PATIENCE,
            why=f"the certificate of {host} is there",
            describe=lambda: why,
        )

    def enter(self, host: str, folder: Path, *servers: str) -> None:
        """Write a host's membership into its home; `servers`: how it reaches the hub, if otherwise."""
        self.pairs[host] = sealing_pair()
        member = Membership(
            host,
            servers or self.urls,
            "",
            self.pairs[host].private.hex(),
            self.authority.public.hex(),
            replicas=self.replicas,
        )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "fleet.json").write_bytes(msgspec.json.encode(member))
        self.certify(host)

    def told(self, here: str, message_id: str) -> str:
        """The state of a message, as one host knows it."""
        return str(self[here].call("message", id=message_id)["state"])

    def ends(self, here: str, message_id: str, state: str) -> None:
        """Wait until one host knows that a message has this state."""
        wait_until(
            lambda: self.told(here, message_id) == state,
            timeout=PATIENCE,
            why=f"{message_id} is {state} at {here}",
            describe=lambda: self[here].call("message", id=message_id),
        )


@contextmanager
def fleet_of(folder: Path, *names: str, config: Mapping[str, str] | None = None) -> Iterator[Hosts]:
    """Daemons of these hosts, started and known to each other; `config`: the files of some of them."""
    with ExitStack() as stack:
        hosts = Hosts([stack.enter_context(hub_in(folder)).url])
        for name in names:
            home = stack.enter_context(make_home())
            stack.enter_context(kept(home.mark))
            roost = stack.enter_context(roost_in(home, started=False))
            hosts.roosts[name] = roost
            hosts.enter(name, roost.places.state)
            if config is not None and name in config:
                roost.places.config.parent.mkdir(parents=True, exist_ok=True)
                roost.places.config.write_text(config[name])
        for roost in hosts.roosts.values():
            roost.start()
        yield hosts
