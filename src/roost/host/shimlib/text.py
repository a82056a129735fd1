"""JSON, logfmt and times as text."""

from __future__ import annotations

import time

_BEYOND_SIXTEEN_BITS = 0x10000

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def read_json(text: str) -> dict[str, Any]:
    """The JSON object in `text`; the C scanner does it without the regular expressions that `json` loads."""
    try:
        import _json  # noqa: PLC0415 not everywhere there

        scanner = _json.make_scanner(_ScannerContext)  # pyright: ignore[reportArgumentType]
        return scanner(text, 0)[0]
    except (ImportError, AttributeError, StopIteration, SystemError):
        # The scanner reports errors through the package that it was spared from loading.
        import json  # noqa: PLC0415 costs 3 ms

        return json.loads(text)


class _ScannerContext:
    """What the C scanner asks of a JSON decoder."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = None


def to_json(value: object) -> str:
    """JSON in ASCII."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, dict):
        fields: dict[str, object] = value  # pyright: ignore[reportUnknownVariableType]
        return "{" + ",".join(f"{to_json(name)}:{to_json(item)}" for name, item in fields.items()) + "}"
    if isinstance(value, list):
        items: list[object] = value  # pyright: ignore[reportUnknownVariableType]
        return "[" + ",".join(map(to_json, items)) + "]"
    text = str(value)
    if text.isascii() and text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'  # letter by letter it takes four times as long, before the daemon knows of an end
    escaped = (
        character if " " <= character <= "~" and character not in '"\\' else _escape(ord(character))
        for character in text
    )
    return '"' + "".join(escaped) + '"'


def _escape(code: int) -> str:
    if code >= _BEYOND_SIXTEEN_BITS:
        code -= _BEYOND_SIXTEEN_BITS
        return f"\\u{0xD800 + (code >> 10):04x}\\u{0xDC00 + (code & 0x3FF):04x}"
    return f"\\u{code:04x}"


_STRINGS = "]P^_X"
_FINAL_LEAST = "@"
_PLACING = "HfdEF"


def plain(text: str) -> str:
    """Terminal output without its control sequences; where the cursor was placed, a new line begins."""
    shown: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        at += 1
        if character == "\x1b":
            at, final = _past(text, at)
            if final in _PLACING:
                shown.append("\n")
        elif character in "\r\n":
            shown.append("\n")
        elif character == "\t" or (character >= " " and character != "\x7f"):
            shown.append(character)
    return "".join(shown)


def _past(text: str, at: int) -> tuple[int, str]:
    """Where the escape sequence that goes on at `at` has ended, and the last character of a CSI sequence."""
    kind = text[at : at + 1]
    at += 1
    if kind == "[":
        while at < len(text) and text[at] < _FINAL_LEAST:
            at += 1
        return at + 1, text[at : at + 1] or " "
    if kind and kind in _STRINGS:
        while at < len(text) and text[at] not in "\x07\x1b":
            at += 1
        return at + 1 + (text[at : at + 2] == "\x1b\\"), " "
    if kind and kind in "()*+-./#% ":
        at += 1
    return at, " "


def utc(now: float) -> str:
    """Unix seconds as ISO-8601 UTC with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03d}Z"


def logfmt(value: object) -> str:
    """A logfmt value, quoted where needed."""
    text = str(value)
    return text if text and not any(c in text for c in ' "=\n') else to_json(text)
