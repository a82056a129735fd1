"""Which host of which fleet this roost is: its name there, its keys, where the hub is."""

from importlib.util import find_spec
from pathlib import Path

import msgspec
from msgspec import Struct

from roost.errors import ConfigError


class Membership(Struct, frozen=True):
    """What `roost fleet join` has written, for this user alone to read. Keys and seeds are secrets."""

    host: str
    servers: tuple[str, ...]
    seed: str
    """The nkey seed with which the hub knows this host."""
    key: str
    """The private key (hexadecimal) with which other hosts know it, and only it can read what is for it."""
    authority: str
    """The public key (hexadecimal) that says which keys are whose."""
    ca: str = ""
    """The certificate (PEM) by which the hub is known; "" where it has none."""
    replicas: int = 1
    """How many servers of the hub keep what is carried: 1, or 3 or 5 of a cluster."""


PACKAGES = ("cryptography", "nacl", "nats", "nkeys")
"""What `pip install roost[fleet]` brings; one host alone needs none of it."""


def check_installed() -> None:
    """Raise ConfigError where a package is not there that a member of a fleet needs."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"a fleet needs packages more ({', '.join(missing)}): `pip install 'roost[fleet]'`, then again"
        )


def load_membership(path: Path) -> Membership | None:
    """What was written; None: this roost is in no fleet. Blocking. Raises ConfigError."""
    try:
        member = msgspec.json.decode(path.read_bytes(), type=Membership)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(
            f"{path} cannot be used: {error}; remove it, and `roost fleet join` again"
        ) from error
    check_installed()
    return member
