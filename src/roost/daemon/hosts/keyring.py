"""Whose key is whose: what the fleet's authority has signed. A host that it has revoked is known no more."""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from roost.host.errors import ForgedError
from roost.host.seal import sign, verified


class Certificate(msgspec.Struct, frozen=True):
    """A host's key, as the authority vouches for it. Of two of one host, the later `serial` counts.

    `key`: the public key that it seals with (hexadecimal). `nkey`: the one by which the hub knows it.
    `revoked`: it is a member no more; `left`: since it went itself, and may come back.
    """

    host: str
    key: str
    nkey: str
    serial: int
    revoked: bool = False
    left: bool = False


def certify(certificate: Certificate, authority: bytes) -> bytes:
    """The certificate, signed with the authority's private key."""
    return sign(msgspec.json.encode(certificate), authority)


class Keyring:
    """The certificates of all hosts of a fleet."""

    def __init__(self, authority: bytes) -> None:
        """Trust what is signed by the holder of this public key."""
        self._authority = authority
        self._known: dict[str, Certificate] = {}
        self._signed: dict[str, bytes] = {}
        self._hosts: list[str] | None = None

    def read(self, signed: bytes) -> Certificate:
        """A certificate that the authority has signed; it is not taken. Raises ForgedError."""
        try:
            found = msgspec.json.decode(verified(signed, self._authority), type=Certificate)
            bytes.fromhex(found.key)
        except (msgspec.MsgspecError, ValueError) as error:
            raise ForgedError("it is no certificate") from error
        return found

    def outdates(self, found: Certificate) -> bool:
        """Whether the host of this certificate is known to have been revoked after it."""
        known = self._known.get(found.host)
        return known is not None and known.revoked and known.serial > found.serial

    def learn(self, signed: bytes) -> bool:
        """Take a certificate; whether it says something new. Raises ForgedError."""
        return self.take(self.read(signed), signed)

    def take(self, found: Certificate, signed: bytes) -> bool:
        """Take a certificate that was read; whether it says something new."""
        known = self._known.get(found.host)
        if known is not None and known.serial >= found.serial:
            return False
        self._known[found.host] = found
        self._signed[found.host] = signed
        self._hosts = None
        return True

    def key(self, host: str) -> bytes | None:
        """The public key of a member; None: there is none of that name, or it was revoked."""
        found = self._known.get(host)
        return None if found is None or found.revoked else bytes.fromhex(found.key)

    def certificate(self, host: str) -> Certificate | None:
        """What is known of a host, be it revoked."""
        return self._known.get(host)

    def hosts(self) -> Sequence[str]:
        """The names of all members, sorted."""
        if self._hosts is None:
            self._hosts = sorted(host for host, found in self._known.items() if not found.revoked)
        return self._hosts

    @property
    def certificates(self) -> Collection[Certificate]:
        """All certificates, also of hosts that were revoked."""
        return self._known.values()

    @property
    def signed(self) -> Mapping[str, bytes]:
        """All certificates as they were signed, by host."""
        return self._signed
