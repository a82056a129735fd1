"""Looking into the entries of a record, whatever stands there."""

from typing import Any, cast

from roost.runtimes.turns.record import Entry


def block(value: object) -> dict[str, Any]:
    """The object that a value is; an empty one for any other value."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def blocks(value: object) -> list[dict[str, Any]]:
    """The objects in a list; of a text, one block of it."""
    if isinstance(value, str):
        return [{"type": "text", "text": value}]
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", each) for each in found if isinstance(each, dict)]


def time_in(entry: Entry, name: str) -> str | None:
    """A time in an entry, as it was written; None where there is none."""
    at = entry.get(name)
    return at if isinstance(at, str) and at else None
