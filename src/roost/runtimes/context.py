"""One session as its runtime sees it."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session


class Context(Struct, frozen=True):
    """One session as its runtime sees it.

    `home` is the session's private directory (0700), `environ` the environment the agent runs in, `shared` a
    directory of this runtime that all its sessions share, `url` the daemon's loopback address, `socket` where
    a socket of the session's own may stand.
    """

    session: Session
    settings: Settings
    home: Path
    shared: Path
    environ: Mapping[str, str]
    url: str
    socket: Path

    @property
    def directory(self) -> Path:
        """The folder the agent works in."""
        return Path(self.settings.dir)
