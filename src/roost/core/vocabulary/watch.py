"""A watch: what somebody wants to be told of, for how long, and what has been told."""

from enum import StrEnum
from typing import Self

from msgspec import Struct
from msgspec.structs import replace


class Watched(StrEnum):
    """What a watch is about: what becomes of a peer, messages of a topic, files that two peers write."""

    ENDED = "ended"
    IDLE = "idle"
    BLOCKED = "blocked"
    TOPIC = "topic"
    FILE = "file"


OF_PEER = (Watched.ENDED, Watched.IDLE, Watched.BLOCKED)
"""What a peer can be watched for."""
TTL = 86400.0
"""Seconds for which a watch lasts where nobody says how long."""
TTL_MOST = 30 * 86400.0
EACH = 50
"""Watches that one peer has at most."""
TELLS = 100
"""How often a watch tells at most: two that wake each other by what they tell end with it."""


WINDOW = 30.0
"""Seconds within which two peers have written a file together."""
WRITES = 200
"""Writes that a watch remembers, the latest: beyond that it may miss that two met."""


class Write(Struct, frozen=True):
    """A peer has written a file; `path` is absolute and real, `at` Unix seconds."""

    peer: str
    path: str
    at: float


class Pair(Struct, frozen=True):
    """Two peers, by name in order, that have written a file within the window, and when last so."""

    path: str
    peers: tuple[str, str]
    at: float


class Watch(Struct, frozen=True):
    """`watcher` is told; `subject` is a peer, a topic, or a pattern of paths. Times are Unix seconds.

    `once`: it ends with what it tells first. `told` counts what it has told, `last` names the latest of that,
    so that the same is not told twice. `wrote` and `pairs`: what a watch of files has seen within the window.
    """

    id: str
    watcher: str
    kind: Watched
    subject: str
    created_at: float
    expires_at: float
    once: bool = False
    told: int = 0
    last: str = ""
    wrote: tuple[Write, ...] = ()
    pairs: tuple[Pair, ...] = ()

    @property
    def of_peer(self) -> str | None:
        """The peer that it is about; None: it is about none."""
        return self.subject if self.kind in OF_PEER else None

    def renamed(self, old: str, new: str) -> Self:
        """The watch after a peer got another name."""
        subject = new if self.of_peer == old else self.subject
        return replace(self, watcher=new if self.watcher == old else self.watcher, subject=subject)

    def moved(self, set_by: float) -> Self:
        """The watch by a clock that was set: it lasts as long as before, and what it has seen is as old."""
        return replace(
            self,
            # What comes from now on comes after it, though it bears an earlier time.
            created_at=self.created_at + min(set_by, 0.0),
            expires_at=self.expires_at + set_by,
            wrote=tuple(replace(each, at=each.at + set_by) for each in self.wrote),
            pairs=tuple(replace(each, at=each.at + set_by) for each in self.pairs),
        )
