"""Hosts of a fleet, each with a daemon and a home of its own, and their hub: a real nats-server."""

import asyncio
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import msgspec

from benchmarks.home import Home, daemon, folder
from roost.daemon.hosts.keyring import Certificate, certify
from roost.host.nats.directory import NatsDirectory
from roost.host.nats.hub import Hub as Connection
from roost.host.seal import Pair, sealing_pair, signing_pair
from roost.local.membership import Membership
from tests.support.nats import Hub, hub_in


@dataclass(frozen=True, slots=True)
class Fleet:
    """Daemons by the names of their hosts, and their hub."""

    hub: Hub
    homes: dict[str, Home]


@contextmanager
def fleet(*names: str) -> Generator[Fleet]:
    """Running daemons of these hosts; all of it ends with the block."""
    with folder() as root, hub_in(root) as hub, ExitStack() as stack:
        authority = signing_pair()
        pairs = {name: sealing_pair() for name in names}
        asyncio.run(_certified(hub.url, authority.private, pairs))
        homes: dict[str, Home] = {}
        for name, pair in pairs.items():
            member = Membership(name, (hub.url,), "", pair.private.hex(), authority.public.hex())
            homes[name] = stack.enter_context(daemon(membership=msgspec.json.encode(member)))
        yield Fleet(hub, homes)


async def _certified(url: str, authority: bytes, pairs: dict[str, Pair]) -> None:
    connection = Connection("authority", [url])
    directory = NatsDirectory(connection)
    for name, pair in pairs.items():
        certificate = Certificate(name, pair.public.hex(), "", 1)
        await directory.put(f"cert.{name}", certify(certificate, authority))
    await connection.close()
