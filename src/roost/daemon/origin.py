"""What a session's folder tells of it: enough to take it into a registry that has lost it.

The launcher writes it before it starts anything, and it goes with the folder. Everything here blocks.
"""

from dataclasses import dataclass
from pathlib import Path

from roost.core.peer import Settings
from roost.core.session import Session
from roost.errors import HostError
from roost.host.files import write_atomic
from roost.store.codec import Shape

NAME = "origin.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """`store`: the id of the store that launched the session. `token`: the hash of the session's token.

    `url`: the loopback address that its agent was given. `session`: its row as it was launched.
    """

    store: str
    url: str
    token: str
    settings: Settings
    session: Session


_SHAPE = Shape(Origin)


def write_origin(folder: Path, origin: Origin) -> None:
    """Write it (0600). Raises OSError."""
    write_atomic(folder / NAME, _SHAPE.text(origin).encode(), durable=False)


def read_origin(folder: Path) -> Origin:
    """Read it. Raises HostError when it is not there or cannot be understood."""
    path = folder / NAME
    try:
        return _SHAPE.value(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise HostError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise HostError(f"{path} cannot be understood: {error}") from error


def port_of(sessions: Path) -> str | None:
    """The port that agents were given which may still run: for a store that has lost it; or None."""
    for path in sorted(sessions.glob(f"*/{NAME}")):
        try:
            return read_origin(path.parent).url.rpartition(":")[2]
        except HostError:
            continue
    return None
