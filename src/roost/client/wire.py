"""JSON without loading `json`, whose regular expressions take as long as Python's own start.

These C functions are the ones that `json` itself uses; where a Python has others, `json` does it. A test
holds the two together.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class _Rules:
    """How JSON is read: as `json.loads` does by default."""

    strict = True
    object_hook = object_pairs_hook = array_hook = None
    parse_float = parse_constant = float
    parse_int = int


def encode(value: object, *, ascii_only: bool = False) -> str:
    """One line, as `json.dumps(value, ensure_ascii=ascii_only)`. Raises TypeError on what is no JSON."""
    return _encoder(ascii_only)(value)


def decode(line: bytes) -> Any:  # noqa: ANN401 -- JSON
    """The value of one line, as `json.loads`. Raises ValueError."""
    return _decoder()(line.decode().strip(" \t\r\n"))


def _encoder(ascii_only: bool) -> Callable[[object], str]:  # noqa: FBT001 -- the only argument
    try:
        from _json import encode_basestring, encode_basestring_ascii, make_encoder

        text = encode_basestring_ascii if ascii_only else encode_basestring
        chunks = make_encoder({}, _refuse, text, None, ": ", ", ", False, False, True)  # noqa: FBT003 -- as json does
    except (ImportError, TypeError):
        import json

        return lambda value: json.dumps(value, ensure_ascii=ascii_only)
    return lambda value: "".join(chunks(value, 0))


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is no JSON")


def _decoder() -> Callable[[str], Any]:
    try:
        from _json import make_scanner

        scan = make_scanner(_Rules)  # pyright: ignore[reportArgumentType] -- the stub asks for more than it reads
    except (ImportError, AttributeError, TypeError):
        import json

        return json.loads

    def read(text: str) -> Any:  # noqa: ANN401 -- JSON
        try:
            value, end = scan(text, 0)
        except StopIteration as error:
            raise ValueError("no value") from error
        except SystemError:
            # Python 3.11: what is broken makes it look for the error of a `json` that is not loaded.
            import json

            return json.loads(text)
        if end != len(text):
            raise ValueError("more than one value")
        return value

    return read
