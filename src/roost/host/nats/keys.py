"""The keys by which a hub knows who connects: a seed for who shows it, a public nkey for the hub."""

# nkeys 0.2 has no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import secrets
from typing import NamedTuple, cast

import nkeys


class UserKey(NamedTuple):
    """A seed, which is a secret, and the public key that belongs to it."""

    seed: str
    public: str


def user_key() -> UserKey:
    """A new one."""
    seed: bytes = nkeys.encode_seed(secrets.token_bytes(32), nkeys.PREFIX_BYTE_USER)
    return UserKey(seed.decode(), public_of(seed.decode()))


def public_of(seed: str) -> str:
    """The public key of a seed. Raises ValueError."""
    try:
        public = cast("bytes", nkeys.from_seed(bytearray(seed.encode())).public_key)
    except Exception as error:
        raise ValueError("it is no seed") from error
    return public.decode()


def is_public(text: str) -> bool:
    """Whether it may be a user's public key: the hub's configuration takes it."""
    return len(text) == _LENGTH and text[0] == "U" and text.isascii() and text.isalnum() and text.isupper()


_LENGTH = 56
