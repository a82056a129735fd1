"""Who belongs to a fleet: its hosts by name, the tokens that let others in, and what vouches for them all.

All of it is one value; every change makes another one. A name belongs to the key that came with it first,
for ever: others keep a cursor by that name, and mail.
"""

import secrets
from collections.abc import Iterable
from enum import StrEnum

import msgspec

from roost.core.vocabulary.identity import NAME
from roost.daemon.hosts.keyring import Certificate, certify
from roost.errors import NotFoundError, RefusedError, UsageError
from roost.host.nats.keys import UserKey, is_public

ANOTHER = "`roost fleet token` on the hub's host prints another"
_KEY = 64
"""Digits of a key in hexadecimal."""


class MemberState(StrEnum):
    """What a host is to the fleet."""

    MEMBER = "member"
    LEFT = "left"
    REVOKED = "revoked"


class Entry(msgspec.Struct, frozen=True):
    """A host: its sealing key (hexadecimal), its nkey, the serial of its certificate."""

    key: str
    nkey: str
    serial: int = 1
    state: MemberState = MemberState.MEMBER


class Token(msgspec.Struct, frozen=True):
    """Lets `uses` hosts in until a time (Unix seconds); `used` by these."""

    nkey: str
    expires_at: float
    uses: int = 1
    used: tuple[str, ...] = ()


class Asked(msgspec.Struct, frozen=True):
    """What a host shows that wants to be let in."""

    host: str
    key: str
    nkey: str


class Roster(msgspec.Struct, frozen=True):
    """The fleet, with its secrets: for the user of the hub's host alone to read.

    `authority`: the private key (hexadecimal) that signs whose key is whose. `ca`, `ca_key`, `certificate`,
    `certificate_key` (PEM): by what the hub is known. `registrar`, `system`: seeds of the registrar's users.
    """

    hub: str
    listen: str
    advertise: str
    authority: str
    public: str
    ca: str
    ca_key: str
    certificate: str
    certificate_key: str
    registrar: str
    system: str
    hosts: dict[str, Entry] = {}
    tokens: dict[str, Token] = {}

    def members(self) -> list[str]:
        """The names of all that belong to it, sorted."""
        return sorted(host for host, entry in self.hosts.items() if entry.state is MemberState.MEMBER)

    def certified(self, host: str) -> bytes:
        """The certificate of a host, signed."""
        entry = self.hosts[host]
        revoked, left = entry.state is not MemberState.MEMBER, entry.state is MemberState.LEFT
        certificate = Certificate(host, entry.key, entry.nkey, entry.serial, revoked, left)
        return certify(certificate, bytes.fromhex(self.authority))

    def whose(self, nkey: str) -> str:
        """The host that an nkey is or was of; "" for one that never was let in."""
        return next((host for host, entry in self.hosts.items() if entry.nkey == nkey), "")


def with_token(roster: Roster, key: UserKey, expires_at: float, uses: int) -> tuple[Roster, str]:
    """One more token, and its id."""
    ident = secrets.token_hex(6)
    token = Token(key.public, expires_at, uses)
    return msgspec.structs.replace(roster, tokens={**roster.tokens, ident: token}), ident


def without_old_tokens(roster: Roster, now: float) -> Roster:
    """The roster without tokens that are over."""
    kept = {ident: token for ident, token in roster.tokens.items() if token.expires_at > now}
    return roster if len(kept) == len(roster.tokens) else msgspec.structs.replace(roster, tokens=kept)


def admitted(roster: Roster, ident: str, asked: Asked, now: float) -> Roster:
    """The roster with a host that shows a token; the same one where it was let in before.

    Raises RefusedError, UsageError.
    """
    token = roster.tokens.get(ident)
    if token is None or token.expires_at <= now:
        raise RefusedError(f"this token is over; {ANOTHER}")
    known = _owner(roster, asked)
    if known is not None and known.state is MemberState.MEMBER:
        return roster
    if len(token.used) >= token.uses:
        raise RefusedError(f"this token was used by {', '.join(token.used)}; {ANOTHER}")
    tokens = {**roster.tokens, ident: msgspec.structs.replace(token, used=(*token.used, asked.host))}
    return msgspec.structs.replace(enrolled(roster, asked, now), tokens=tokens)


def enrolled(roster: Roster, asked: Asked, now: float) -> Roster:
    """The roster with a host, for which nobody needs to ask. Raises RefusedError, UsageError."""
    known = _owner(roster, asked)
    entry = Entry(asked.key, asked.nkey, _after(0 if known is None else known.serial, now))
    return msgspec.structs.replace(roster, hosts={**roster.hosts, asked.host: entry})


def _after(serial: int, now: float) -> int:
    """The serial after this one.

    The time of day makes it later than those that followed a copy of the roster, which may be put back.
    """
    return max(serial + 1, int(now * 1000))


def caught_up(roster: Roster, signed: Iterable[Certificate]) -> Roster:
    """The roster with what its authority has signed later than it tells: it was put back from a copy.

    The same one where nothing is. Its tokens end: who was revoked since may have one. Who is revoked stays
    so, since nobody comes back from that.
    """
    hosts = dict(roster.hosts)
    for found in signed:
        known = roster.hosts.get(found.host)
        if known is not None and known.serial >= found.serial:
            continue
        if known is not None and known.state is MemberState.REVOKED and not found.revoked:
            hosts[found.host] = msgspec.structs.replace(known, serial=found.serial + 1)
        else:
            hosts[found.host] = Entry(found.key, found.nkey, found.serial, _state(found))
    return roster if hosts == roster.hosts else msgspec.structs.replace(roster, hosts=hosts, tokens={})


def _state(found: Certificate) -> MemberState:
    if not found.revoked:
        return MemberState.MEMBER
    return MemberState.LEFT if found.left else MemberState.REVOKED


def _owner(roster: Roster, asked: Asked) -> Entry | None:
    """What is known of who asks; None: the name is free. Raises RefusedError, UsageError."""
    _check(asked)
    known = roster.hosts.get(asked.host)
    for host, entry in roster.hosts.items():
        if entry.state is MemberState.REVOKED and (entry.nkey == asked.nkey or entry.key == asked.key):
            raise RefusedError(
                f"this host was revoked, as '{host}', and its key is let in no more;"
                " `--new-keys --name OTHER` joins as another host"
            )
    if known is not None and (known.key, known.nkey) != (asked.key, asked.nkey):
        raise RefusedError(
            f"the name '{asked.host}' belongs to another host of this fleet, and stays its own;"
            " choose another with --name"
        )
    for host, entry in roster.hosts.items():
        if host != asked.host and (entry.nkey == asked.nkey or entry.key == asked.key):
            raise RefusedError(f"this host is called '{host}' in this fleet; join with --name {host}")
    return known


def _check(asked: Asked) -> None:
    if not NAME.fullmatch(asked.host):
        raise UsageError(
            f"'{asked.host}' is no name for a host: small letters, digits and hyphens, a letter first,"
            " 32 at most; give one with --name"
        )
    if len(asked.key) != _KEY or not set(asked.key) <= set("0123456789abcdef") or not is_public(asked.nkey):
        raise UsageError("the host shows no keys")


def departed(roster: Roster, host: str, state: MemberState, now: float) -> Roster:
    """The roster after a host has left, or was revoked: with it, the tokens that it has.

    Raises NotFoundError, RefusedError.
    """
    entry = roster.hosts.get(host)
    if entry is None:
        known = ", ".join(roster.members())
        raise NotFoundError(f"there is no host '{host}' in this fleet; its hosts are {known}")
    if host == roster.hub:
        raise RefusedError(f"'{host}' has the hub of this fleet, which would end with it")
    if entry.state is MemberState.REVOKED or entry.state is state:
        return roster
    changed = msgspec.structs.replace(entry, state=state, serial=_after(entry.serial, now))
    hosts, tokens = {**roster.hosts, host: changed}, roster.tokens
    if state is MemberState.REVOKED:
        tokens = {ident: token for ident, token in tokens.items() if host not in token.used}
    return msgspec.structs.replace(roster, hosts=hosts, tokens=tokens)
