"""Strict conversion between frozen structs and JSON text.

msgspec checks every value's type and fills in defaults. It passes over unknown fields, so those are refused
here. It takes no lone surrogates, as in a path that is no UTF-8: those go the way of the standard library.
Half of a character, as an earlier version stored it, is read as U+FFFD.
"""

import json
from collections.abc import Sequence
from typing import Any, Generic, TypeVar, cast

import msgspec

from roost.foreign import whole

T = TypeVar("T")

to_text = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
"""Compact JSON; TypeError or ValueError for what JSON cannot hold. Everything in it is ASCII."""
_encode = msgspec.json.Encoder().encode


def from_text(text: str) -> Any:  # noqa: ANN401 -- JSON
    """The value of JSON that stands in the store. Raises ValueError."""
    return json.loads(whole(text.encode(), paths=True))


class Shape(Generic[T]):
    """Both ways of one kind of value, for the most part a struct."""

    def __init__(self, kind: type[T]) -> None:
        """`kind` may hold other structs, enums, tuples and None."""
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)
        self._list_decoder = msgspec.json.Decoder(list[kind])

    @staticmethod
    def text(value: T) -> str:
        """The value as JSON."""
        try:
            return _encode(value).decode()
        except UnicodeEncodeError:
            return to_text(msgspec.to_builtins(value))

    def value(self, text: str) -> T:
        """The value of a JSON text; a missing field takes its default.

        Raises ValueError when it is not of this shape, or holds a field that this version does not know.
        """
        try:
            value = self._decoder.decode(text)
        except msgspec.MsgspecError:
            value = self._slowly(text)
        if self.text(value) != text:  # as it was not written by this version
            _check_known(from_text(text), value)
        return value

    def values(self, texts: Sequence[str]) -> list[T] | None:
        """The values of texts that this version has written, all at once; None when some text is another."""
        text = f"[{','.join(texts)}]"
        try:
            values = self._list_decoder.decode(text)
            same = len(values) == len(texts) and _encode(values).decode() == text
        except (msgspec.MsgspecError, UnicodeEncodeError):
            return None
        return values if same else None

    def _slowly(self, text: str) -> T:
        try:
            return msgspec.convert(from_text(text), self._kind)
        except msgspec.MsgspecError as error:
            raise ValueError(str(error)) from error


def _check_known(raw: Any, value: Any) -> None:  # noqa: ANN401 -- JSON, and what was made of it
    """Raise ValueError for a field of an object that the struct made of it does not have."""
    if isinstance(raw, list):
        for each, made in zip(cast("list[Any]", raw), value, strict=True):
            _check_known(each, made)
    elif isinstance(raw, dict) and isinstance(value, msgspec.Struct):
        known = set(value.__struct_fields__)
        for name, inner in cast("dict[str, Any]", raw).items():
            if name not in known:
                raise ValueError(f"'{name}' is unknown to this version of roost")
            _check_known(inner, getattr(value, name))
