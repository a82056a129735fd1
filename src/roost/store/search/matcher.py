"""What a person types as words to be found, and which texts hold them, by SQLite's FTS5.

An index may be behind or wrong: what it names is looked at once more, by the very same rules.
"""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

import re
from collections.abc import Iterable
from typing import Any, NamedTuple, cast

import apsw

from roost.errors import UsageError

TABLE = "fts5(text, topic, {options}tokenize = 'unicode61 remove_diacritics 2')"
"""Words are runs of letters and digits, whatever their case and accents."""
_BEGIN, _END = "\x02", "\x03"
_AROUND = 24
"""Words of a snippet."""
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]+")
_WORD = re.compile(r"[^\W_]")
_SYNTAX = re.compile(r'["*():^+{}]|\b(?:AND|OR|NOT|NEAR)\b')
"""What an expression has and plain words have not; a hyphen or a full stop is none of it."""


class Snippet(NamedTuple):
    """Words around what was found, in one line. `marks`: where that stands (characters, from and to)."""

    text: str
    marks: list[tuple[int, int]]


class Matcher:
    """Looks whether texts hold what was asked for. Belongs to one thread."""

    def __init__(self, asked: str) -> None:
        """`asked`: an expression of FTS5, else plain words, all of which are to be found.

        Raises UsageError where there is nothing to look for.
        """
        self._connection = apsw.Connection(":memory:")
        self._connection.execute(f"CREATE VIRTUAL TABLE texts USING {TABLE.format(options='')}")
        self.expression = self._understood(asked)

    def _understood(self, asked: str) -> str:
        asked = _BLANK.sub(" ", asked).strip()
        words = [word for word in asked.split() if _WORD.search(word)]
        if not words:
            raise UsageError(
                f"there is no word to look for in '{asked}'; `roost messages --grep` finds any characters"
            )
        plain = " ".join('"' + word.replace('"', '""') + '"' for word in words)
        if _SYNTAX.search(asked) is None:
            return plain
        try:
            self._connection.execute("SELECT count(*) FROM texts WHERE texts MATCH ?", (asked,)).fetchall()
        except apsw.Error:
            return plain
        return asked

    def find(self, texts: Iterable[tuple[int, str, str | None]]) -> dict[int, Snippet]:
        """Those of these texts (number, text, topic) that hold it, each with a snippet."""
        rows = [
            (number, _BLANK.sub(" ", text), _BLANK.sub(" ", topic or "")) for number, text, topic in texts
        ]
        run = cast("Any", self._connection).execute
        run("BEGIN")
        try:
            self._connection.executemany("INSERT INTO texts (rowid, text, topic) VALUES (?, ?, ?)", rows)
            found = run(
                "SELECT rowid, snippet(texts, -1, ?, ?, '…', ?) FROM texts WHERE texts MATCH ?",
                (_BEGIN, _END, _AROUND, self.expression),
            ).fetchall()
        finally:
            run("ROLLBACK")
        return {number: _snippet(text) for number, text in cast("list[tuple[int, str]]", found)}


def _snippet(marked: str) -> Snippet:
    text, marks, begun = "", list[tuple[int, int]](), 0
    for part in re.split(f"([{_BEGIN}{_END}])", marked):
        if part == _BEGIN:
            begun = len(text)
        elif part == _END:
            marks.append((begun, len(text)))
        else:
            text += part
    return Snippet(text, marks)


def words_of(value: Any) -> str:  # noqa: ANN401 -- JSON
    """The texts and numbers in a JSON value."""
    if isinstance(value, dict):
        return " ".join(words_of(each) for each in cast("dict[str, object]", value).values())
    if isinstance(value, list):
        return " ".join(words_of(each) for each in cast("list[object]", value))
    return "" if value is None or isinstance(value, bool) else str(value)
