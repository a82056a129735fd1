"""Requests to one daemon, and what it refuses as the errors of `roost.errors`."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any, Self, TypeVar

from roost.client.connection import PATIENCE, Client, ConnectionLostError, Record
from roost.client.refusal import asked
from roost.client.results import made
from roost.errors import UsageError

T = TypeVar("T")
NEWEST = 2**63 - 1
"""A number that no line of the journal has: what is before it is the newest."""


class Requests:
    """Asks one daemon; each request is a connection of its own."""

    def __init__(
        self, path: str, token: str | None, sender: str | None, on_note: Callable[[str], None]
    ) -> None:
        """Ask the daemon behind this socket; see `connect`."""
        self._path, self._token, self._sender, self._on_note = path, token, sender, on_note
        self._closed = False

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Ask nothing more: a further request raises UsageError."""
        self._closed = True

    def reach(self) -> None:
        """Raise NoDaemonError where no daemon takes connections."""
        self._client().reach()

    def _client(self, on_note: Callable[[str], None] | None = None) -> Client:
        if self._closed:
            raise UsageError("this connection is closed; `connect` makes another")
        return Client(self._path, self._token, on_note or self._on_note)

    def _noted(self, event: Record) -> None:
        for note in event.get("notes") or ():
            self._on_note(str(note))

    def _ask(self, method: str, patience: float | None = PATIENCE, /, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        return asked(partial(self._client().call, method, params, patience=patience))

    def _stream(self, kind: type[T], method: str, params: Record) -> Iterator[T]:
        return (made(kind, piece) for piece in self._pieces(method, params))

    def _pieces(self, method: str, params: Record, patience: float | None = None) -> Iterator[Record]:
        with closing(self._client().stream(method, params, patience=patience)) as pieces:
            while (piece := asked(partial(next, pieces, None))) is not None:
                yield piece

    def _newest(self) -> int:
        return max(
            (int(event["seq"]) for event in self._pieces("events", {"before": NEWEST, "limit": 1})), default=0
        )

    def _next(self, after: int, peer: str, patience: float | None) -> int | None:
        """The number of the next line of a peer's journal; None: none came within so many seconds."""
        if patience is not None and patience <= 0:
            return None
        params: Record = {"after": after, "peer": peer, "follow": True}
        try:
            with closing(self._client().stream("events", params, patience=patience)) as pieces:
                return int(asked(partial(next, pieces))["seq"])
        except ConnectionLostError as lost:
            if lost.facts.get("mute"):
                return None
            raise
