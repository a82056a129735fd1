"""What there is to name now: peers, messages, questions, runtimes; within half a second, or nothing."""

from __future__ import annotations

import os

from msgspec import Struct

from roost.cli.bounded import side_by_side
from roost.cli.completion.kinds import ANSWER, MESSAGE, PEER, QUESTION, RUNTIME
from roost.cli.places import socket_path
from roost.client.connection import Client, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 0.5
"""A person waits at a key that was pressed; a daemon that hangs must not hold the shell."""
_LATEST = 50
"""Messages that are named."""
_SHORT = 16
"""Digits of an id that are written, as tables show it."""


class Named(Struct, frozen=True):
    """One thing: its name, and what is said of it."""

    name: str
    text: str


class Known:
    """Asks the daemon behind one folder, and reads the configuration there."""

    def __init__(self, home: str | None) -> None:
        """`home`: what `--home` says on the line."""
        self._home = home

    def of(self, kind: str, question: str, word: str) -> list[Named]:
        """Everything of a kind, or nothing where that cannot be told in time; raises nothing.

        `question`: whose options are asked for. `word`: what is written of the name already.
        """
        looks: dict[str, Callable[[], list[Named]]] = {
            PEER: self._peers,
            MESSAGE: lambda: self._messages(word),
            QUESTION: self._questions,
            ANSWER: lambda: self._answers(question),
            RUNTIME: self._runtimes,
        }
        try:
            (found,) = side_by_side([looks[kind]], SECONDS)
        except Exception:  # noqa: BLE001 -- a shell that completes is no place for any complaint
            return []
        return found or []

    def _call(self, method: str, params: Record | None = None) -> list[Record]:
        path = socket_path(os.environ, self._home)
        client = Client(path, os.environ.get("ROOST_TOKEN") or None, lambda _note: None)
        return client.call(method, params, patience=SECONDS)

    def _peers(self) -> list[Named]:
        return [Named(str(row["name"]), str(row["state"])) for row in self._call("list", {"all": True})]

    def _messages(self, word: str) -> list[Named]:
        """The latest first."""
        digits = None if len(word) > _SHORT else _SHORT
        return [
            Named(
                str(each["id"])[:digits],
                f"{each['from']} to {each['to']}, {each['state']}: {each['text'] or ''}",
            )
            for each in reversed(self._call("messages", {"limit": _LATEST}))
        ]

    def _questions(self) -> list[Named]:
        return [Named(str(each["id"]), f"{each['peer']}: {each['text']}") for each in self._call("questions")]

    def _answers(self, question: str) -> list[Named]:
        """The options of the one question that the word names."""
        asked = [each for each in self._call("questions") if question and each["id"].startswith(question)]
        options: list[Record] = asked[0]["options"] if len(asked) == 1 else []
        return [Named(str(each["id"]), str(each["label"])) for each in options]

    def _runtimes(self) -> list[Named]:
        from roost.local.config import RESERVED, ConfigError, load_config
        from roost.local.paths import find_places
        from roost.local.ready_made import ready_made

        try:
            given = [each.name for each in load_config(find_places(os.environ, self._home).config).runtimes]
        except ConfigError:
            given = []
        made = [each.table.name for each in ready_made() if each.table.name not in given]
        kinds = {"built in": RESERVED, "ready-made": made, "from config": given}
        named = [Named(name, kind) for kind, names in kinds.items() for name in names]
        return sorted(named, key=lambda one: one.name)
