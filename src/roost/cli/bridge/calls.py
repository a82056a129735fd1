"""One request of the client's, asked of the daemon over a connection of its own until it is answered."""

from __future__ import annotations

import time
from _socket import SHUT_RDWR  # `socket` itself loads enums and selectors: 8 ms

from roost.client.connection import Client, ConnectionLostError
from roost.errors import NoDaemonError, RoostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from _socket import socket
    from collections.abc import Callable

    from roost.client.connection import Record

PATIENCE = 90.0
"""Seconds for an answer: a tool waits less than a minute for mail."""
RETURNS = 10.0
"""Seconds in which a daemon that went away is looked for, as in a restart."""
NEVER_MET = 2.0
"""Seconds in which one is looked for that was not there before."""
PAUSE = 0.1
"""Seconds between two looks."""
_DOWN = "roost's daemon is not running; `roost up` starts it, then try again"
_UNKNOWN = (
    "roost's daemon went away before it answered, and whether this was done is not known: look"
    " (list_peers, `roost messages`) before you try again"
)


class GivenUpError(RoostError):
    """Nobody waits for the answer any more."""


class Call(Client):
    """Asks one thing, again where the daemon has gone and that does no harm."""

    def __init__(self, path: str, token: str | None, on_note: Callable[[str], None]) -> None:
        """See Client."""
        super().__init__(path, token, on_note)
        self._open: socket | None = None
        self.given_up = False
        self.answered = False
        """Set by who takes the answer: what comes after it does not matter."""

    def give_up(self) -> None:
        """Wait for no answer. From any thread."""
        self.given_up = True
        self._hang_up()

    def ask(
        self,
        method: str,
        params: Record,
        on_event: Callable[[Record], None] | None = None,
        *,
        twice: bool,
        returns: float = RETURNS,
    ) -> None:
        """Return when it was answered. `twice`: it may be done twice.

        `returns`: seconds in which a daemon is looked for.
        Raises GivenUpError, RoostError with what is to be told.
        """
        until: float | None = None
        while True:
            try:
                self.call(method, params, on_event=on_event, patience=PATIENCE)
            except (NoDaemonError, ConnectionLostError) as error:
                if self.answered:
                    return
                why = self._trouble(error, twice=twice)
            else:
                return
            now = time.monotonic()
            until = now + returns if until is None else until
            if now >= until:
                raise why
            time.sleep(PAUSE)

    def _trouble(self, error: RoostError, *, twice: bool) -> RoostError:
        """What is told when that goes on. Raises what ends it."""
        if self.given_up:
            raise GivenUpError from error
        if isinstance(error, NoDaemonError):
            return RoostError(_DOWN)
        if error.facts.get("mute"):
            raise error
        unknown = RoostError(_UNKNOWN)
        if not twice:
            raise unknown from error
        return unknown

    def _connect(self, patience: float | None) -> socket:
        self._open = super()._connect(patience)
        if self.given_up:
            self._hang_up()
        return self._open

    def _hang_up(self) -> None:
        connection = self._open
        if connection is not None:
            try:  # noqa: SIM105 -- contextlib takes two milliseconds to load
                connection.shutdown(SHUT_RDWR)
            except OSError:
                pass  # it is closed already
