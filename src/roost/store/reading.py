"""One connection that reads: rows as they are, and those that cannot be read left out."""

# The stubs of apsw need the Buffer of Python 3.12, which is unknown before.
# pyright: reportUnknownMemberType=false

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from itertools import islice
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import apsw

from roost.store.database import open_for_reading
from roost.store.errors import BrokenRowError, explain

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R", bound="Reading")

_PART = 256
"""Rows that are decoded at once."""
_TOLD = 100
"""Rows that cannot be read, of which is told."""


def explained(method: Callable[Concatenate[R, P], T]) -> Callable[Concatenate[R, P], T]:
    """The method of a reader, with SQLite's errors as StoreError."""

    @wraps(method)
    def wrapper(self: R, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, *args, **kwargs)
        except apsw.Error as error:
            raise explain(error, str(self.path)) from error

    return wrapper


class Reading:
    """One reading connection; use it from one thread at a time."""

    def __init__(self, path: Path) -> None:
        """Open the store at `path`. Raises StoreMissingError, StoreVersionError, StoreError."""
        self.path = path
        self.unreadable: dict[str, None] = {}
        """Rows that were left out because they cannot be read, as sentences in the order they were met."""
        self._connection = open_for_reading(path)

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()

    @contextmanager
    def _moment(self) -> Generator[None]:
        """Several queries see the store as it was at one moment."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            if self._connection.in_transaction:  # not after some errors, as of a damaged page
                self._connection.execute("ROLLBACK")

    def _left_out(self, broken: BrokenRowError) -> None:
        if len(self.unreadable) < _TOLD:
            self.unreadable[broken.message] = None

    def _each(self, found: Iterable[Any], read: Callable[[Any], T]) -> Iterator[T]:
        """All rows that can be read: one that cannot hides no other."""
        for row in found:
            try:
                value = read(row)
            except BrokenRowError as error:
                self._left_out(error)
            else:
                yield value

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            return cast("list[Any]", self._connection.execute(statement, values).fetchall())
        except UnicodeDecodeError:
            return list(self._decodable(statement, values))

    def _decodable(self, statement: str, values: Sequence[Any]) -> Iterator[Any]:
        """The rows whose texts are UTF-8, as SQLite does not see to: apsw 3.54 goes on behind such a row."""
        cursor = self._connection.execute(statement, values)
        while True:
            try:
                yield next(cursor)
            except StopIteration:
                return
            except UnicodeDecodeError as error:
                why = f"a row cannot be read from the store: {error}; it is damaged, or was changed by hand"
                self._left_out(BrokenRowError(why))

    def _parts(self, statement: str) -> Iterator[list[Any]]:
        """All rows, so many at a time that the texts of thousands are never in memory at once."""
        cursor = self._connection.execute(statement)
        while part := list(islice(cursor, _PART)):
            yield part

    def _row(self, statement: str, *values: Any) -> tuple[Any, ...] | None:  # noqa: ANN401 -- SQL values
        found = self._rows(statement, values)
        return found[0] if found else None

    def _value(self, statement: str, *values: Any) -> Any:  # noqa: ANN401 -- SQL values
        row = self._row(statement, *values)
        return None if row is None else row[0]
