"""Messages and events as rows that can be searched: each with its number, its text and its topic."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from roost.store.codec import from_text
from roost.store.search.matcher import words_of


class Kind(NamedTuple):
    """One kind of rows. `rows`: numbers and what is searched of them. `mark`: how one is known again."""

    table: str
    rows: str
    mark: str


MESSAGES = Kind(
    "messages",
    "SELECT seq, body, topic FROM messages JOIN bodies USING (seq)",
    "SELECT id FROM messages WHERE seq = ?",
)
EVENTS = Kind("journal", "SELECT seq, kind, cause, data FROM journal", "SELECT ts FROM journal WHERE seq = ?")
KINDS = (MESSAGES, EVENTS)


def texts(kind: Kind, rows: Iterable[tuple[Any, ...]]) -> list[tuple[int, str, str | None]]:
    """Number, text and topic of rows as `kind.rows` gives them."""
    if kind is MESSAGES:
        return [(seq, bytes(body or b"").decode("utf-8", "replace"), topic) for seq, body, topic in rows]
    return [(seq, f"{name} {cause or ''} {_words(data)}", None) for seq, name, cause, data in rows]


def _words(data: str) -> str:
    try:
        return words_of(from_text(data))
    except ValueError:
        return data
