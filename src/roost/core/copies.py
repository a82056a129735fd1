"""Copies of frozen values with some fields changed: each decision makes several."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:  # noqa: ANN401 -- values of any field
    """A copy of a frozen dataclass with slots and these changes; AttributeError for an unknown field.

    As `dataclasses.replace`, in half of its time: that one asks each field how it is set.
    """
    copy = object.__new__(type(value))
    for get, put in _slots(type(value)):
        put(copy, get(value))
    for name, changed in changes.items():
        object.__setattr__(copy, name, changed)
    return copy


@cache
def _slots(kind: type[Any]) -> tuple[tuple[Callable[[object], Any], Callable[[object, Any], None]], ...]:
    """How each field of a class is read and written."""
    slots = [getattr(kind, field.name) for field in fields(kind)]
    return tuple((slot.__get__, slot.__set__) for slot in slots)
