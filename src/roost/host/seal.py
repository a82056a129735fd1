"""Sealing: what one host writes, one other can read, and knows by whom it was written; what vouches for keys.

Keys are 32 bytes, as libsodium has them (through PyNaCl): Curve25519 to seal, Ed25519 to sign.
"""

from typing import NamedTuple

from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey
from nacl.signing import SigningKey, VerifyKey

from roost.host.errors import ForgedError


class Pair(NamedTuple):
    """A private key and the public one that belongs to it."""

    private: bytes
    public: bytes


def sealing_pair() -> Pair:
    """A new pair to seal with."""
    key = PrivateKey.generate()
    return Pair(bytes(key), bytes(key.public_key))


def signing_pair() -> Pair:
    """A new pair to sign with."""
    key = SigningKey.generate()
    return Pair(bytes(key), bytes(key.verify_key))


def public_of(private: bytes) -> bytes:
    """The public key that belongs to a private one to seal with."""
    return bytes(PrivateKey(private).public_key)


def seal(data: bytes, private: bytes, public: bytes) -> bytes:
    """Data that only the holder of the other key can read, who then knows that it is from this one."""
    return bytes(Box(PrivateKey(private), PublicKey(public)).encrypt(data))


def unseal(sealed: bytes, private: bytes, public: bytes) -> bytes:
    """What the holder of the public key has sealed for this one. Raises ForgedError."""
    try:
        return Box(PrivateKey(private), PublicKey(public)).decrypt(sealed)
    except (CryptoError, ValueError) as error:
        raise ForgedError("it was altered on its way, or sealed with another key") from error


def sign(data: bytes, private: bytes) -> bytes:
    """The data with a signature before it."""
    return bytes(SigningKey(private).sign(data))


def verified(signed: bytes, public: bytes) -> bytes:
    """The data, if the holder of this key has signed it. Raises ForgedError."""
    try:
        return VerifyKey(public).verify(signed)
    except (CryptoError, ValueError) as error:
        raise ForgedError("it is not signed by whom it should be") from error
