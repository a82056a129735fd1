"""The messages of one conversation in OpenCode's store, read piece by piece. Everything here blocks."""

from collections.abc import Mapping, Sequence

from roost.runtimes import opencode_store
from roost.runtimes.turns.record import Entry

_PAGE = 32
"""Messages in one piece."""


class OpencodeRecord:
    """Messages in the order of their times; the latest is given again when it has changed."""

    def __init__(self, environ: Mapping[str, str], conversation: str) -> None:
        """Read from the store of this user. Raises OSError."""
        self._environ = environ
        self._conversation = conversation
        self._from = (0, "")
        self._latest: Entry | None = None
        self.skipped = 0
        held = opencode_store.holds(environ, conversation)
        self.where = str(opencode_store.database(environ)) if held else ""

    def read(self) -> Sequence[Entry] | None:
        """The next messages, with the latest of those before if there is more to it."""
        found = opencode_store.messages_from(self._environ, self._conversation, *self._from, _PAGE)
        entries: list[Entry] = [{"info": info, "parts": parts} for _, _, (info, parts) in found]
        if entries and entries[0] == self._latest:
            del entries[0]
        if not entries:
            return None
        self._from, self._latest = (found[-1][0], found[-1][1]), entries[-1]
        return entries

    def news(self) -> str | None:
        """Nothing: one store is read all along."""
        return None

    def close(self) -> None:
        """Nothing is held open."""
