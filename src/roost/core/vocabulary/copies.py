"""Copies of frozen values with some fields changed: each decision makes several."""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def replace(value: T, **changes: Any) -> T:  # noqa: ANN401 -- values of any field
    """A copy of a frozen dataclass with slots and these changes; AttributeError for an unknown field.

    As `dataclasses.replace`, in a quarter of its time: that one asks each field how it is set.
    """
    return _copier(type(value), tuple(changes))(value, *changes.values())


@cache
def _copier(kind: type[T], changed: tuple[str, ...]) -> Callable[..., T]:
    """Makes a copy of its first argument, of this class, with its others for the changed fields.

    It is written out for each class, as `dataclasses` does with its methods: a loop takes twice as long.
    """
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type] -- a dataclass
    for name in changed:
        if name not in names:
            raise AttributeError(f"{kind.__name__} has no field '{name}'")
    known: dict[str, Any] = {f"set_{name}": getattr(kind, name).__set__ for name in names}
    known |= {"new": object.__new__, "kind": kind}
    given = [f"new_{name}" for name in changed]
    lines = [f"set_{name}(copy, {f'new_{name}' if name in changed else f'value.{name}'})" for name in names]
    head = ", ".join(["value", *given, *(f"{name}={name}" for name in known)])
    exec(f"def copier({head}):\n copy = new(kind)\n " + "\n ".join([*lines, "return copy"]), known)  # noqa: S102 -- names of fields only
    copier: Callable[..., T] = known["copier"]
    return copier
