"""The registrar: lets hosts into the fleet and out of it. It runs in the daemon of the hub's host.

What is decided is written into the roster first, and then made: see Reconciler.
"""

# The stubs of nats-py leave out what goes along by name.
# pyright: reportUnknownMemberType=false

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import chain

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import SYSTEM
from roost.daemon.hosts.keyring import Keyring
from roost.daemon.registrar.hub_files import HubFiles
from roost.daemon.registrar.join_token import Reply, token_text
from roost.daemon.registrar.office import Made, Open
from roost.daemon.registrar.reconciler import Reconciler
from roost.daemon.registrar.roster import (
    Asked,
    MemberState,
    Roster,
    admitted,
    caught_up,
    departed,
    with_token,
    without_old_tokens,
)
from roost.daemon.registrar.watch import Once, TurnedAway, Watch
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks, race
from roost.errors import RefusedError, RoostError, UsageError
from roost.host.errors import CarrierGone
from roost.host.files import Tail
from roost.host.nats.hub import FAULTS, words
from roost.host.nats.keys import user_key
from roost.host.nats.subjects import join, leave
from roost.host.tls import Signed, is_due, new_server

EVERY = 2.0
"""Seconds between two looks at the hub's log, and at what time has changed."""
RENEWING = 3600.0
"""Seconds between two looks at when the hub's certificate ends."""
WATCHED = "hub:watched"
"""The store's key of how much of the hub's log was read."""
_log = logging.getLogger("roost.registrar")


def open_registrar(machine: Machine, fleet: Fleet, tasks: Tasks, ring: Keyring) -> "Registrar":
    """The registrar of the hub's host. Nothing runs yet. Blocking. Raises ConfigError.

    `ring`: what this host, as all others, knows of who belongs to the fleet.
    """
    files = HubFiles(machine.places)
    return Registrar(files.load(), files, machine, fleet, tasks, ring)


class Registrar:
    """`run` does the work; `trouble` tells why the hub is not as it should be, "" where it is."""

    def __init__(
        self, roster: Roster, files: HubFiles, machine: Machine, fleet: Fleet, tasks: Tasks, ring: Keyring
    ) -> None:
        """Keep this roster."""
        self.roster = roster
        self._ring = ring
        self.trouble = ""
        self._log = files.log
        replicas = machine.member.replicas if machine.member is not None else 1
        self._reconciler = Reconciler(files, machine.work.files, roster, replicas)
        self._store = machine.store
        self._fleet = fleet
        self._clock = machine.clock
        self._tasks = tasks
        self._threads = machine.work.files
        self._watch: Watch | None = None
        self._renew_at = 0.0
        self._changing = asyncio.Lock()
        self._due = asyncio.Event()
        self._served: Client | None = None
        self._refused = Once()

    async def run(self) -> None:
        """Keep the hub as it is to be, for ever."""
        while True:
            self._due.clear()
            try:
                async with self._turn():
                    await self._age()
                    await self._reconciler.reconcile(self.roster)
                await self._serve()
            except RoostError as error:
                self._know(error.message)
            else:
                self._know("")
            try:
                await self._look()
            except RoostError as error:
                _log.warning("whom the hub turned away is not stored yet: %s", error.message)
            await race(self._due.wait(), self._clock.sleep(EVERY))

    async def close(self) -> None:
        """Let go of the hub."""
        await self._reconciler.close()

    def tokens(self) -> list[Open]:
        """See Office."""
        now = self._clock.now()
        return [
            Open(ident, token.expires_at, token.uses - len(token.used))
            for ident, token in self.roster.tokens.items()
            if token.expires_at > now and len(token.used) < token.uses
        ]

    async def token(self, ttl: float, uses: int) -> Made:
        """See Office."""
        async with self._turn():
            expires_at = self._clock.now() + ttl
            key = user_key()
            roster, ident = with_token(self.roster, key, expires_at, uses)
            await self._change(roster, "token-made", token=ident, expires_at=expires_at, uses=uses)
            await self._reconciler.reconcile(self.roster)
        return Made(token_text(roster, ident, key.seed), ident, expires_at)

    async def revoke(self, host: str) -> str:
        """See Office."""
        async with self._turn():
            roster = departed(self.roster, host, MemberState.REVOKED, self._clock.now())
            if roster is not self.roster:
                await self._change(roster, "host-revoked", host=host)
            try:
                await self._reconciler.reconcile(self.roster)
            except CarrierGone as gone:
                self._due.set()
                return gone.message
        return ""

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None, None]:
        """One change after the other, each of a roster that is behind nothing that was signed."""
        async with self._changing:
            signed = chain(self._ring.certificates, self._reconciler.later.certificates)
            roster = caught_up(self.roster, signed)
            if roster is not self.roster:
                before = self.roster.hosts
                hosts = sorted(host for host in roster.hosts if roster.hosts[host] != before.get(host))
                _log.warning("the roster was put back from a copy: what was signed since of %s counts", hosts)
                await self._change(roster, "roster-behind", hosts=hosts)
            yield

    async def _change(self, roster: Roster, kind: str, **data: object) -> None:
        await self._reconciler.save(roster)
        self.roster = roster
        await self._fleet.record(c.Journal(kind, SYSTEM, data=data))

    async def _age(self) -> None:
        """See to what time has changed."""
        now = self._clock.now()
        roster = without_old_tokens(self.roster, now)
        if now >= self._renew_at and await self._threads.run(is_due, roster.certificate, now):
            made = await self._threads.run(new_server, Signed(roster.ca, roster.ca_key), now)
            roster = msgspec.structs.replace(roster, certificate=made.certificate, certificate_key=made.key)
        if now >= self._renew_at:
            self._renew_at = now + RENEWING
        if roster is not self.roster:
            await self._reconciler.save(roster)
            self.roster = roster

    async def _serve(self) -> None:
        """Listen for hosts. Raises CarrierGone."""
        client = await self._reconciler.client()
        if client is self._served:
            return
        try:
            await client.subscribe(join("*"), cb=self._asks(self._admit))
            await client.subscribe(leave("*"), cb=self._asks(self._let_go))
        except FAULTS as error:
            raise CarrierGone(f"hosts cannot ask to be let in: {words(error)}") from error
        self._served = client

    def _asks(self, handler: Callable[[str, bytes], Awaitable[Reply]]) -> Callable[[Msg], Awaitable[None]]:
        async def answer(message: Msg) -> None:
            reply = await handler(message.subject.rpartition(".")[2], message.data)
            try:
                await message.respond(msgspec.json.encode(reply))
            except FAULTS as error:
                _log.warning("a host is not answered: %s", words(error))  # it asks again
            self._due.set()

        async def begin(message: Msg) -> None:
            self._tasks.start(answer(message), "a host asks the registrar")

        return begin

    async def _admit(self, ident: str, data: bytes) -> Reply:
        """What a host is answered that shows a token; the same again where it was let in before."""
        asked = Asked("", "", "")
        try:
            asked = _read(data)
            async with self._turn():
                roster = admitted(self.roster, ident, asked, self._clock.now())
                if roster is not self.roster:
                    await self._change(roster, "host-joined", host=asked.host, token=ident)
                await self._reconciler.reconcile(self.roster)
                return Reply(self.roster.certified(asked.host))
        except (RefusedError, UsageError) as error:
            if self._refused.fresh((ident, asked.host, error.message), self._clock.monotonic()):
                await self._tell(
                    c.Journal(
                        "host-refused",
                        SYSTEM,
                        data={"host": asked.host, "token": ident, "why": error.message},
                    )
                )
            return Reply(code=error.code, why=error.message)
        except RoostError as error:
            return Reply(code=error.code, why=f"{error.message}; try again")

    async def _let_go(self, host: str, _data: bytes) -> Reply:
        """What a host is answered that leaves. It is cut off once it was answered."""
        try:
            async with self._turn():
                roster = departed(self.roster, host, MemberState.LEFT, self._clock.now())
                if roster is not self.roster:
                    await self._change(roster, "host-left", host=host)
        except RoostError as error:
            return Reply(code=error.code, why=error.message)
        return Reply()

    async def _look(self) -> None:
        """Tell the journal whom the hub has turned away. Raises StoreError."""
        if self._watch is None:
            self._watch = Watch(Tail(self._log, offset=int(await self._store.meta(WATCHED) or 0)))
        found = await self._threads.run(self._watch.look, self._clock.monotonic())
        if found:
            lines = [
                c.Journal(
                    "hub-refused",
                    SYSTEM,
                    data={"host": self.roster.whose(each.nkey), "nkey": each.nkey, "why": each.why},
                )
                for each in found
                if not self._has_left(each)
            ]
            await self._fleet.record(*lines, meta={WATCHED: str(self._watch.offset)})

    def _has_left(self, each: TurnedAway) -> bool:
        """Whether it is the daemon of a host that has left, and does not know it for a moment yet."""
        entry = self.roster.hosts.get(self.roster.whose(each.nkey))
        return entry is not None and entry.state is MemberState.LEFT

    async def _tell(self, line: c.Journal) -> None:
        try:
            await self._fleet.record(line)
        except RoostError as error:
            _log.warning("a refusal is not stored: %s", error.message)

    def _know(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            _log.warning("the hub: %s", trouble or "it is as it should be")


def _read(data: bytes) -> Asked:
    try:
        return msgspec.json.decode(data, type=Asked)
    except (ValueError, RecursionError) as error:  # msgspec's are some
        raise UsageError("what the host asks cannot be read") from error
