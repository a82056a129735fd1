"""Which host of which fleet this roost is: its name there, its keys, where the hub is."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from roost.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Membership:
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


def load_membership(path: Path) -> Membership | None:
    """What was written; None: this roost is in no fleet. Blocking. Raises ConfigError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Membership)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path} cannot be used: {error}; `roost fleet join` writes it anew") from error
