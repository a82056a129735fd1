"""SQL for many rows at once.

A start closes thousands of sessions in one commit: with hundreds of rows in a statement it takes a third less
time than with one, most of which is spent in SQLite anyway. Most commits are of one row. What a list of rows
is compared with is a table of its own to SQLite, which takes 0.1 ms to make, be it of one row.
"""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any

import apsw

from roost.store.rows import Row

_SIZES = (512, 64, 8, 1)
"""Rows in one statement: few different ones, because SQLite prepares each. apsw keeps texts up to 16 KiB."""


class Statement:
    """A statement with a list of rows in its middle."""

    def __init__(self, before: str, columns: int, after: str = "", *, one: str = "") -> None:
        """`before`, then a row of so many values or several, then `after`. `one`: the same for one row."""
        self._before = before
        self._one = one
        self._row = f"({','.join('?' * columns)})"
        self._after = after
        self._text = cache(self._write)

    def _write(self, count: int) -> str:
        if count == 1 and self._one:
            return self._one
        return f"{self._before} {','.join([self._row] * count)} {self._after}"

    def run(self, cursor: apsw.Cursor, rows: Sequence[Row]) -> int:
        """Execute it for all rows, in their order; returns how many rows of the table changed."""
        connection = cursor.connection
        if len(rows) == 1:  # most commits
            cursor.execute(self._text(1), rows[0])
            return connection.changes()
        changed = begin = 0
        for size in _SIZES:
            while len(rows) - begin >= size:
                values: tuple[Any, ...] = tuple(chain.from_iterable(rows[begin : begin + size]))
                cursor.execute(self._text(size), values)
                changed += connection.changes()
                begin += size
        return changed
