"""What one invocation knows: its global options and how to reach the daemon."""

from __future__ import annotations

import os

from roost.cli.output import warn
from roost.cli.places import chosen_home, socket_path
from roost.cli.stdout import told
from roost.client.connection import PATIENCE, Answer, Client, Record
from roost.errors import NoDaemonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from roost.local.paths import Places

LOOKS = frozenset(
    {"status", "list", "show", "messages", "message", "inbox", "screen", "logs", "events", "deaths"}
    | {"search", "transcript"}
    | {"metrics", "doctor", "gc", "attach", "acknowledge", "wait", "listen"}
)
"""Methods that do nothing new to their caller; what others did is told even where stdout takes nothing."""


class App:
    """The global options; commands get it as their first argument."""

    def __init__(self) -> None:
        """Nothing has been parsed yet."""
        self.home: str | None = None
        self.json = False
        self.debug = False

    def take(self, name: str, value: Any) -> None:  # noqa: ANN401 -- what the option of that name takes
        """A global option that was given."""
        setattr(self, name, value)

    @property
    def token(self) -> str | None:
        """The session token that an agent's environment carries."""
        return os.environ.get("ROOST_TOKEN") or None

    @property
    def sender(self) -> str | None:
        """The mailbox that ROOST_FROM names; None for an agent, who is itself."""
        return None if self.token else os.environ.get("ROOST_FROM") or None

    @property
    def chosen_home(self) -> str | None:
        """The folder that `--home` or ROOST_HOME names, None for the XDG folders."""
        return chosen_home(os.environ, self.home)

    @property
    def socket(self) -> str:
        """The path of the daemon's socket."""
        return socket_path(os.environ, self.home)

    @property
    def places(self) -> Places:
        """All places."""
        from roost.local.paths import find_places

        return find_places(os.environ, self.home)

    def call(
        self,
        method: str,
        params: Record | None = None,
        *,
        on_event: Callable[[Record], None] | None = None,
        patience: float | None = PATIENCE,
    ) -> Answer:
        """One request to the daemon, its notes printed to stderr; see Client.call."""
        client = Client(self.socket, self.token, warn)
        answer = client.call(method, params, on_event=on_event, patience=patience)
        if method not in LOOKS:
            told.changed()
        return answer

    def call_or_read(self, method: str, params: Record | None = None) -> Answer:
        """The daemon's answer, or with the daemon down what its store last held (said so on stderr)."""
        try:
            return self.call(method, params)
        except NoDaemonError:
            from roost.cli.offline import read

            return read(self.places, method, params or {})
