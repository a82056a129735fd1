"""How the daemon that runs differs from one that would be started here. Loads little: `wake` asks, too."""

from __future__ import annotations

import os

from roost.cli.output import warn
from roost.client.connection import RemoteError
from roost.errors import RoostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.cli.app import App
    from roost.client.connection import Record

REFRESH = "roost env refresh"
REPLACE = "roost up --replace"
NEWER = "this command is of an older roost: upgrade it, or run the daemon's own"
OLDER = "the daemon is older than this command"
_TELLING = ("PATH", "SSH_AUTH_SOCK")
"""What changes between two logins and matters to agents; `doctor` and `env show` compare the rest."""


def is_older(found: Record) -> bool:
    """Whether the daemon, which answered this, keeps a store that is too new for this command's program."""
    from roost.store.schema import SCHEMA

    return found.get("schema", 0) > SCHEMA


def ask(app: App) -> Record | None:
    """What the daemon says when it is shown what is here; None: in a session, whose environment is its own.

    Raises RoostError.
    """
    if app.token is not None or "ROOST_SESSION" in os.environ:
        return None
    own = {name: os.environ[name] for name in _TELLING if name in os.environ}
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 -- start-up time
    answer: Record = app.call("compare", {"environ": own, "program": folder})
    return answer


def tell(app: App) -> None:
    """Say on stderr what differs, each with its cure."""
    try:
        found = ask(app)
    except RemoteError as error:
        if error.remote_code == "usage":
            warn(f"{OLDER}: `{REPLACE}` starts this one, and agents live on")
        return
    except RoostError:
        return
    if found is None:
        return
    if found["other"] and is_older(found):
        warn(f"{found['other']}; {NEWER}")
    elif found["other"]:
        warn(f"{found['other']}: `{REPLACE}` starts this one in its place, and agents live on")
    if names := " and ".join(found["differing"]):
        warn(f"agents are given {names} as at the daemon's start, not as here: `{REFRESH}`")
