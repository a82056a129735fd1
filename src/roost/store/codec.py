"""Strict conversion between frozen dataclasses and plain JSON values.

`dataclasses.asdict` copies deeply and cannot go back; a shape names every field once, for both ways.
"""

import json
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar, cast

T = TypeVar("T")

to_text = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Compact JSON; TypeError or ValueError for what JSON cannot hold. Everything in it is ASCII."""
from_text = json.loads


class Coder(NamedTuple):
    """Both ways of one kind of value. `load` raises ValueError or TypeError for anything else."""

    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]


def _same(value: Any) -> Any:  # noqa: ANN401 -- JSON holds it as it is
    return value


def _exactly(*kinds: type) -> Coder:
    def load(value: Any) -> Any:  # noqa: ANN401 -- checked here
        if type(value) not in kinds:
            raise ValueError(f"{value!r} is not {' or '.join(kind.__name__ for kind in kinds)}")
        return value

    return Coder(_same, load)


TEXT = _exactly(str)
FLAG = _exactly(bool)
WHOLE = _exactly(int)
NUMBER = _exactly(float, int)


def choice(kind: type[StrEnum]) -> Coder:
    """A member of an enum."""
    return Coder(str, kind)


def optional(inner: Coder) -> Coder:
    """None, or a value."""
    dump, load = inner

    def dump_it(value: Any) -> Any:  # noqa: ANN401 -- as the inner one
        return None if value is None else dump(value)

    def load_it(value: Any) -> Any:  # noqa: ANN401 -- as the inner one
        return None if value is None else load(value)

    return Coder(dump_it, load_it)


def items(inner: Coder) -> Coder:
    """A tuple of values of one kind."""
    dump, load = inner

    def dump_all(values: tuple[Any, ...]) -> list[Any]:
        return [dump(value) for value in values]

    def load_all(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- checked here
        if not isinstance(value, list):
            raise ValueError(f"{value!r} is not a list")  # noqa: TRY004 -- all bad values look alike
        return tuple(load(each) for each in cast("list[Any]", value))

    return Coder(dump_all, load_all)


def _load_pair(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 -- checked here
    pair = items(TEXT).load(value)
    if len(pair) != 2:  # noqa: PLR2004 -- a pair
        raise ValueError(f"{value!r} is not a pair")
    return pair


PAIR = Coder(list[str], _load_pair)
"""A tuple of two texts."""


class Shape(Generic[T]):
    """Both ways of one dataclass. A missing field takes its default; an unknown one is an error."""

    def __init__(self, made: Callable[..., T], **fields: Coder) -> None:
        """Name every field of the dataclass with its coder."""
        self.fields = fields
        self.made = made
        self.coder = Coder(self.dump, self.load)
        self._dumps = [(name, coder.dump, coder.dump is _same) for name, coder in fields.items()]

    def dump(self, value: T) -> dict[str, Any]:
        """The value as a JSON object."""
        return {
            name: getattr(value, name) if same else dump(getattr(value, name))
            for name, dump, same in self._dumps
        }

    def load(self, raw: Any) -> T:  # noqa: ANN401 -- checked here
        """The value of a JSON object; ValueError or TypeError when it is not one of this shape."""
        if not isinstance(raw, Mapping):
            raise ValueError(f"{raw!r} is not an object")  # noqa: TRY004 -- all bad values look alike
        fields = self.fields
        values: dict[str, Any] = {}
        for name, value in cast("Mapping[str, Any]", raw).items():
            coder = fields.get(name)
            if coder is None:
                raise ValueError(f"'{name}' is unknown to this version of roost")
            values[name] = coder.load(value)
        return self.made(**values)
