"""Reading the JSON lines that agent programs write."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from roost.foreign import decode


def records(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects among the lines; anything else is passed over: a torn line must not stop a sensor."""
    for line in lines:
        try:
            record = decode(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield cast("dict[str, Any]", record)


def text_of(content: object) -> str:
    """The text of a message content: a string, or a list of blocks with `text`."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    blocks = cast("list[object]", content)
    texts = [
        str(cast("dict[str, Any]", block).get("text", "")) for block in blocks if isinstance(block, dict)
    ]
    return "\n".join(text for text in texts if text)


def time_of(record: Mapping[str, Any], key: str) -> float:
    """The ISO-8601 time in a record as Unix seconds; 0.0 (long ago) when there is none."""
    try:
        return datetime.fromisoformat(str(record.get(key))).timestamp()
    except ValueError:
        return 0.0


def status_files(folder: Path) -> Iterator[dict[str, Any]]:
    """Blocking: the JSON objects in the files `<pid>.json` of a folder; unreadable ones are passed over."""
    for path in sorted(folder.glob("*.json")):
        try:
            found = status_object(path.read_bytes())
        except OSError:
            continue
        if found is not None:
            yield found


def changed_since(paths: Iterable[Path], since: float) -> list[Path]:
    """Blocking: the files that were changed since (Unix seconds), the latest first. Raises OSError."""
    found = sorted(((path.stat().st_mtime, path) for path in paths), reverse=True)
    return [path for at, path in found if at >= since]


def whole_number(value: object) -> int | None:
    """A number that a program wrote as such or as its digits; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def status_object(content: bytes | None) -> dict[str, Any] | None:
    """The JSON object in a status file, None when there is no file or it cannot be read."""
    if content is None:
        return None
    return next(records([content]), None)
