"""A sequence that never changes and is cheap to add to, however long it is."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar, overload

T = TypeVar("T")


def added(items: Sequence[T], item: T) -> "Growing[T]":
    """These, and one more at their end."""
    known = items if isinstance(items, Growing) else Growing(list(items))
    return known.added(item)


class Growing(Sequence[T]):
    """The first items of a list that grows at its end only: whoever adds first shares it, all others copy.

    So a queue is not copied for each message that joins it. Equal to a tuple of the same items.
    """

    __slots__ = ("_count", "_items")

    def __init__(self, items: list[T]) -> None:
        """All of a list that nobody else changes."""
        self._items = items
        self._count = len(items)

    def added(self, item: T) -> "Growing[T]":
        """These, and one more."""
        items = self._items if len(self._items) == self._count else self._items[: self._count]
        items.append(item)
        return Growing(items)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        return islice(self._items, self._count)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: "slice[Any, Any, Any]") -> tuple[T, ...]: ...
    def __getitem__(self, index: "int | slice[Any, Any, Any]") -> T | tuple[T, ...]:
        if isinstance(index, slice):
            return tuple(self)[index]
        return self._items[range(self._count)[index]]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Growing | tuple) and tuple(self) == tuple(other)  # pyright: ignore[reportUnknownArgumentType] -- of anything

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))
