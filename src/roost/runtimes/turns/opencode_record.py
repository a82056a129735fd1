"""The messages of one conversation in OpenCode's store, read piece by piece. Everything here blocks."""

from collections.abc import Mapping, Sequence

from roost.runtimes import opencode_store
from roost.runtimes.turns.entry import block
from roost.runtimes.turns.record import Entry

_PAGE = 32
"""Messages in one piece."""


class OpencodeRecord:
    """Messages in the order of their times.

    Two are given again when they have changed: the latest, and the latest answer until it is completed, which
    is still written while prompts come in behind it.
    """

    def __init__(self, environ: Mapping[str, str], conversation: str) -> None:
        """Read from the store of this user. Raises OSError."""
        self._environ = environ
        self._conversation = conversation
        self._from = (0, "")
        self._latest: Entry | None = None
        self._answer: tuple[int, str, Entry] | None = None
        """The latest answer, with its time and id, until it is completed."""
        self.skipped = 0
        held = opencode_store.holds(environ, conversation)
        self.where = str(opencode_store.database(environ)) if held else ""

    def read(self) -> Sequence[Entry] | None:
        """The next messages, after those before to which there is more."""
        found = self._messages(*self._from, _PAGE)
        if found and found[0][2] == self._latest:
            del found[0]
        # Looked at after the others: an answer is completed before the next one begins.
        again = self._answer_again()
        for message in found:
            if message[2]["info"].get("role") == "assistant":
                self._answer = None if _completed(message[2]) else message
        if found:
            made, key, self._latest = found[-1]
            self._from = made, key
        return [*again, *(entry for _, _, entry in found)] or None

    def _answer_again(self) -> list[Entry]:
        """The latest answer, if it is not the latest message and there is more to it."""
        if self._answer is None or self._answer[:2] == self._from:
            return []
        known, found = self._answer, self._messages(*self._answer[:2], 1)
        gone = not found or found[0][:2] != known[:2]
        if gone or _completed(found[0][2]):
            self._answer = None
        else:
            self._answer = found[0]
        return [] if gone or found[0] == known else [found[0][2]]

    def _messages(self, at: int, key: str, most: int) -> list[tuple[int, str, Entry]]:
        found = opencode_store.messages_from(self._environ, self._conversation, at, key, most)
        return [(made, name, {"info": info, "parts": parts}) for made, name, (info, parts) in found]

    def news(self) -> str | None:
        """Nothing: one store is read all along."""
        return None

    def close(self) -> None:
        """Nothing is held open."""


def _completed(entry: Entry) -> bool:
    return block(entry["info"].get("time")).get("completed") is not None
