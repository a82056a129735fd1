"""What a session's folder tells of it: enough to take it into a registry that has lost it.

The launcher writes it before it starts anything, and it goes with the folder. Everything here blocks.
"""

from pathlib import Path

from msgspec import Struct

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session
from roost.errors import HostError
from roost.host.files import write_atomic
from roost.host.interfaces.processes import Liveness, Processes
from roost.host.shim_spec import read_started
from roost.store.codec import Shape

NAME = "origin.json"
STARTED = "started.json"


class Origin(Struct, frozen=True):
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


def bound_to(port: str, sessions: Path, processes: Processes) -> list[str]:
    """The peers with a session that was given this port and may still live."""
    found: set[str] = set()
    for path in sessions.glob(f"*/{NAME}"):
        try:
            origin, started = read_origin(path.parent), read_started(path.parent / STARTED, processes)
        except HostError:
            continue
        known = [each for each in (started and started.agent, started and started.shim) if each]
        live_sessions = any(each.liveness is not Liveness.DEAD for each in processes.probe_all(known))
        if live_sessions and origin.url.rpartition(":")[2] == port:
            found.add(origin.session.peer)
    return sorted(found)


def port_of(sessions: Path) -> str | None:
    """The port that agents were given which may still run: for a store that has lost it; or None."""
    for path in sorted(sessions.glob(f"*/{NAME}")):
        try:
            return read_origin(path.parent).url.rpartition(":")[2]
        except HostError:
            continue
    return None
