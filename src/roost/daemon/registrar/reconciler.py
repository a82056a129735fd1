"""Keeps the hub as the roster says: its configuration, what it keeps for each host, the certificates.

Whatever is missing is made, after every start and every loss of the hub: a crash on the way is mended so.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable

import nats.js.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.kv import KeyValue

from roost.daemon.hosts.keyring import Keyring
from roost.daemon.registrar.hub_files import HubFiles
from roost.daemon.registrar.roster import MemberState, Roster
from roost.daemon.state.threads import Threads
from roost.errors import RoostError
from roost.host.errors import CarrierGone, ForgedError
from roost.host.nats.configuration import near
from roost.host.nats.control import reload
from roost.host.nats.hub import FAULTS, Hub, shown_by, words
from roost.host.nats.streams import drop_host, make_bucket, make_stream

INBOX = "_INBOX"


class Reconciler:
    """`reconcile` makes what follows from a roster, as far as it is not there.

    `later`: certificates on the hub that are later than the roster's. They are left as they are.
    """

    def __init__(self, files: HubFiles, threads: Threads, roster: Roster, replicas: int) -> None:
        """Reach the hub as this roster says; `threads`: for work on files.

        `replicas`: how many of its servers keep what it keeps.
        """
        self._replicas = replicas
        server = [f"tls://{near(roster.listen)}"]
        self._files = files
        self._threads = threads
        self._hub = Hub("registrar", server, **shown_by(roster.registrar, roster.ca, INBOX))
        self._system = Hub("registrar", server, **shown_by(roster.system, roster.ca, INBOX))
        self._read = False
        self._made: Roster | None = None
        self._losses = -1
        self._serials: dict[str, int] = {}
        self.later = Keyring(bytes.fromhex(roster.public))

    async def client(self) -> Client:
        """The connection on which hosts are answered. Raises CarrierGone."""
        return await self._hub.client()

    async def save(self, roster: Roster) -> None:
        """Write the roster: from then on it counts. Raises RoostError."""
        await self._work(self._files.save, roster)

    async def reconcile(self, roster: Roster) -> None:
        """Make what follows from it. Raises RoostError: some of it may be made."""
        losses = self._hub.losses
        if roster is self._made and losses == self._losses:
            await self._hub.client()
            return
        if await self._work(self._files.derive, roster) or losses != self._losses:
            self._read = False
        client = await self._hub.client()
        if not self._read:
            await reload(self._system)
            self._read = True
        if losses != self._losses:
            self._serials.clear()
        try:
            await self._provide(client.jetstream(), roster)
        except FAULTS as error:
            raise CarrierGone(f"the hub does not keep what it should: {words(error)}") from error
        self._made, self._losses = roster, losses

    async def _provide(self, stream: JetStreamContext, roster: Roster) -> None:
        bucket = await make_bucket(stream, self._replicas)
        for host, entry in roster.hosts.items():
            if self._serials.get(host) == entry.serial:
                continue
            there = await _value(bucket, f"cert.{host}")
            if self._is_later(there, entry.serial):
                continue
            if entry.state is MemberState.MEMBER:
                await make_stream(stream, host, self._replicas)
            else:
                await drop_host(stream, host)
            if (signed := roster.certified(host)) != there:
                await bucket.put(f"cert.{host}", signed)
            self._serials[host] = entry.serial

    def _is_later(self, signed: bytes, serial: int) -> bool:
        """Whether what the hub has is a certificate later than this one; it is known then."""
        try:
            found = self.later.read(signed)
        except ForgedError:
            return False
        if found.serial <= serial:
            return False
        self.later.take(found, signed)
        return True

    async def close(self) -> None:
        """Let go of the hub."""
        await self._hub.close()
        await self._system.close()

    async def _work(self, work: Callable[[Roster], bool | None], roster: Roster) -> bool | None:
        try:
            return await self._threads.run(work, roster)
        except OSError as error:
            raise RoostError(f"{self._files.roster.parent} cannot be written: {error.strerror}") from error


async def _value(bucket: KeyValue, key: str) -> bytes:
    try:
        return (await bucket.get(key)).value or b""
    except nats.js.errors.KeyNotFoundError:
        return b""
