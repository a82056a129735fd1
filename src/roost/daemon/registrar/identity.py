"""The identity of this host: its keys, and the name that belongs to them. It stays also in no fleet."""

import re
import socket

import msgspec

from roost.core.vocabulary.identity import NAME
from roost.daemon.registrar.roster import Asked
from roost.errors import RoostError, UsageError
from roost.host.files import write_atomic
from roost.host.nats.keys import public_of, user_key
from roost.host.seal import public_of as public_key_of
from roost.host.seal import sealing_pair
from roost.local.paths import Places


class Identity(msgspec.Struct, frozen=True):
    """The keys of this host (private key in hexadecimal, seed), and the name that it chose with them."""

    host: str
    key: str
    seed: str

    @property
    def asked(self) -> Asked:
        """What others may know of it."""
        return Asked(self.host, public_key_of(bytes.fromhex(self.key)).hex(), public_of(self.seed))


def kept(places: Places) -> Identity | None:
    """The keys that this host has. Raises RoostError."""
    try:
        return msgspec.json.decode(places.identity.read_bytes(), type=Identity)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise RoostError(f"{places.identity} cannot be used: {error}; remove it for new keys") from error


def keep(places: Places, identity: Identity | None) -> None:
    """Write them, where they are others than before."""
    if identity is None:
        places.identity.unlink(missing_ok=True)
    elif identity != kept(places):
        write_atomic(places.identity, msgspec.json.encode(identity))


def named(before: Identity | None, name: str | None) -> Identity:
    """These keys, or new ones, with the name that is asked for. Raises UsageError."""
    identity = before or Identity("", sealing_pair().private.hex(), user_key().seed)
    chosen = name or identity.host or _own_name()
    if not NAME.fullmatch(chosen):
        raise UsageError(
            f"'{chosen}' is no name for a host: small letters, digits and hyphens, a letter first,"
            " 32 at most; give one with --name"
        )
    return msgspec.structs.replace(identity, host=chosen)


def _own_name() -> str:
    return re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().partition(".")[0].lower()).strip("-")[:32]
