"""Names and identities: what a peer may be called, which process is meant, how ids are derived."""

import re

from msgspec import Struct

from roost.errors import InvalidNameError

NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")
OPERATOR = "operator"
"""The sender of a message that no peer sent: a person at the command line."""
SYSTEM = "roost"
"""The sender of notices."""
HUMAN = "human"
"""The runtime of a peer without a process: a mailbox."""
REMOTE = "remote"
"""The runtime of a peer that lives on another host: what waits for it here is on its way there."""
RESERVED = frozenset({OPERATOR, SYSTEM})


def check_name(name: str) -> str:
    """The name itself, or InvalidNameError saying what a peer name looks like."""
    if not NAME.fullmatch(name):
        raise InvalidNameError(
            f"'{name}' is not a peer name: use a lower-case letter, then up to 31 of a-z, 0-9 and '-'"
        )
    if name in RESERVED:
        raise InvalidNameError(f"'{name}' is reserved; choose another name")
    return name


def host_of(name: str) -> str | None:
    """The host of `peer@host`, None of a peer of this one."""
    return name.partition("@")[2] or None


class ProcessId(Struct, frozen=True):
    """One process of one boot: a pid alone is reused, these three together are not.

    `start` is the kernel's start time in its own unit (Linux: clock ticks since boot, field 22 of
    /proc/<pid>/stat; macOS: microseconds since the epoch); compare it, never compute with it.
    """

    boot: str
    pid: int
    start: int


def derive(seed: str, *parts: object, size: int = 16) -> str:
    """Hex of `size` bytes that nobody can guess without the seed; the same inputs give the same value."""
    text = "\x00".join([seed, *(str(part) for part in parts)])
    import hashlib  # noqa: PLC0415 -- it brings OpenSSL along, and few commands need it

    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def derive_uuid(seed: str, *parts: object) -> str:
    """A derived value in the shape of a random (version 4) UUID, for programs that insist on one."""
    digits = derive(seed, *parts)
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"
