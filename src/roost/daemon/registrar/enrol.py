"""This host's way into a fleet and out of it: what `roost fleet init`, `join` and `leave` do on the disk.

Each may end anywhere, and doing it again ends well: keys are written before anybody is told of them, the
roster before what follows from it, the membership last.
"""

import os
import time

import msgspec

from roost.daemon.hosts.keyring import Certificate, Keyring
from roost.daemon.registrar.address import advertised, checked, free
from roost.daemon.registrar.hub_files import HubFiles
from roost.daemon.registrar.identity import Identity, keep, kept, named
from roost.daemon.registrar.join_token import JoinToken, Reply, read, token_text
from roost.daemon.registrar.roster import Asked, Roster, enrolled, with_token
from roost.errors import NotFoundError, RefusedError, RoostError, UsageError
from roost.host.errors import CarrierGone
from roost.host.files import ensure_private_directory, write_atomic
from roost.host.nats.configuration import near
from roost.host.nats.hub import FAULTS, Hub, shown_by, words
from roost.host.nats.keys import user_key
from roost.host.nats.program import Program, find_program
from roost.host.nats.subjects import host_inbox, join, leave, token_inbox
from roost.host.seal import signing_pair
from roost.host.tls import as_pem, new_authority, new_server
from roost.local.membership import Membership, load_membership
from roost.local.paths import Places

LISTEN = "0.0.0.0:4222"
"""Where a hub listens, by default: for all who reach the machine. Only who shows a key is let in."""
TTL = 3600.0
ANSWER = 20.0
"""Seconds for the registrar to answer."""


class Begun(msgspec.Struct, frozen=True):
    """A hub. `token`: lets the first other host in; "": the hub was there before."""

    host: str
    listen: str
    advertise: str
    configuration: str
    program: str
    version: str
    token: str = ""
    expires_at: float = 0.0


class Joined(msgspec.Struct, frozen=True):
    """A host that belongs to a fleet. `new`: it did not before."""

    host: str
    servers: tuple[str, ...]
    new: bool


def init(places: Places, name: str | None, listen: str | None, advertise: str | None) -> Begun:
    """Make this host the hub of a new fleet. Blocking. Raises RoostError, OSError."""
    program = find_program(os.environ)
    files = HubFiles(places)
    if places.is_hub:
        roster = files.load()
        _again(places, files, roster, (name, listen, advertise))
        return _begun(roster, files, program)
    if (member := load_membership(places.membership)) is not None:
        raise RefusedError(f"this host is '{member.host}' of a fleet; `roost fleet leave` first")
    now = time.time()
    ensure_private_directory(places.state)
    address = free(listen or LISTEN)
    identity = named(kept(places), name)
    keep(places, identity)
    authority, ca = signing_pair(), new_authority(now)
    server, first = new_server(ca, now), user_key()
    roster = Roster(
        hub=identity.host,
        listen=address,
        advertise=advertised(advertise, address),
        authority=authority.private.hex(),
        public=authority.public.hex(),
        ca=ca.certificate,
        ca_key=ca.key,
        certificate=server.certificate,
        certificate_key=server.key,
        registrar=user_key().seed,
        system=user_key().seed,
    )
    roster, ident = with_token(enrolled(roster, identity.asked, now), first, now + TTL, 1)
    files.save(roster)
    files.derive(roster)
    _enter(places, identity, roster)
    return _begun(roster, files, program, token_text(roster, ident, first.seed), now + TTL)


def _begun(
    roster: Roster, files: HubFiles, program: Program, token: str = "", expires_at: float = 0.0
) -> Begun:
    configuration = str(files.configuration)
    return Begun(
        roster.hub,
        roster.listen,
        roster.advertise,
        configuration,
        program.path,
        program.version,
        token,
        expires_at,
    )


def _again(places: Places, files: HubFiles, roster: Roster, asked: tuple[str | None, ...]) -> None:
    """Make the hub whole that is there already. Raises RefusedError where another one is asked for."""
    is_so = (roster.hub, roster.listen, roster.advertise)
    if any(wanted not in (None, there) for wanted, there in zip(asked, is_so, strict=True)):
        raise RefusedError(
            f"this host is '{roster.hub}', the hub of a fleet, listening on {roster.listen} and reached as"
            f" {roster.advertise}; that stays as it is"
        )
    files.derive(roster)
    identity = kept(places)
    missing = load_membership(places.membership) is None
    if missing and identity is not None and identity.asked == _shown(roster):
        _enter(places, identity, roster)


def _shown(roster: Roster) -> Asked:
    entry = roster.hosts[roster.hub]
    return Asked(roster.hub, entry.key, entry.nkey)


def _enter(places: Places, identity: Identity, roster: Roster) -> None:
    """The hub's host is a member like all others."""
    server = f"tls://{near(roster.listen)}"
    member = Membership(identity.host, (server,), identity.seed, identity.key, roster.public, roster.ca)
    write_atomic(places.membership, msgspec.json.encode(member))


async def enter(places: Places, text: str, name: str | None, hub: str | None, *, new_keys: bool) -> Joined:
    """Join the fleet that a token is of. Raises RoostError, OSError.

    `new_keys`: as a host that nobody knows; else with those that this one had before, if any.
    """
    token = read(text)
    member = load_membership(places.membership)
    if member is not None:
        if member.authority == token.authority.hex() and name in (None, member.host):
            return Joined(member.host, member.servers, new=False)
        raise RefusedError(f"this host is '{member.host}' of a fleet; `roost fleet leave` first")
    servers = (f"tls://{checked(hub, '--hub')}",) if hub is not None else token.servers
    ensure_private_directory(places.state)
    before = kept(places)
    identity = named(None if new_keys else before, name)
    ca = as_pem(token.ca)
    hub_of_it = Hub(identity.host, servers, **shown_by(token.seed, ca, token_inbox(token.id)))
    await hub_of_it.client()  # until here nobody has seen the keys
    keep(places, identity)
    reply = await _ask(hub_of_it, join(token.id), msgspec.json.encode(identity.asked))
    if reply.code in (RefusedError.code, UsageError.code):
        keep(places, before)  # nobody knows them
    _check(reply, identity, token)
    member = Membership(identity.host, servers, identity.seed, identity.key, token.authority.hex(), ca)
    write_atomic(places.membership, msgspec.json.encode(member))
    return Joined(identity.host, servers, new=True)


def _check(reply: Reply, identity: Identity, token: JoinToken) -> None:
    """Raise what the registrar says, or that it is not the one whom the token is of."""
    _raise(reply)
    ring = Keyring(token.authority)
    ring.learn(reply.certificate)
    asked = identity.asked
    found = ring.certificate(asked.host)
    if found is None or found != Certificate(asked.host, asked.key, asked.nkey, found.serial):
        raise RoostError("the hub's certificate is of another host; try again")


async def depart(places: Places, *, force: bool) -> Joined:
    """Leave the fleet. `force`: also where the hub cannot be told. Raises RoostError, OSError."""
    member = load_membership(places.membership)
    if member is None:
        raise RefusedError("this host is in no fleet")
    if places.is_hub:
        raise RefusedError(
            f"'{member.host}' has the hub of this fleet, which ends with it: docs/how-to/fleet.md tells how"
        )
    hub = Hub(member.host, member.servers, **shown_by(member.seed, member.ca, host_inbox(member.host)))
    try:
        _raise(await _ask(hub, leave(member.host), b""))
    except CarrierGone as gone:
        if not force:
            raise CarrierGone(
                f"{gone.message}; `roost fleet leave --force` leaves all the same, and `roost fleet revoke"
                f" {member.host}` on the hub's host tells the others"
            ) from gone
    places.membership.unlink()
    return Joined(member.host, member.servers, new=False)


async def _ask(hub: Hub, subject: str, data: bytes) -> Reply:
    try:
        client = await hub.client()
        answer = await client.request(subject, data, timeout=ANSWER)
        return msgspec.json.decode(answer.data, type=Reply)
    except FAULTS as error:
        raise CarrierGone(
            "the hub is reached, and no registrar answers there: the daemon of its host has to be up"
            f" ({words(error)})"
        ) from error
    finally:
        await hub.close()


def _raise(reply: Reply) -> None:
    kinds = {kind.code: kind for kind in (UsageError, NotFoundError, RefusedError)}
    if reply.code:
        raise kinds.get(reply.code, RoostError)(reply.why)
