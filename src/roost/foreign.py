"""JSON that other programs wrote. Standard library only: what runs in sessions' terminals reads it, too."""

import json
import re
from collections.abc import Iterator

DEPTH = 100
"""Levels that are kept of what is nested deeper than Python can read, at some 1,000."""
_MARKS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)


def decode(text: bytes | str) -> object:
    """What it says, with null in place of what is nested too deep. Raises ValueError: it is no JSON."""
    try:
        return json.loads(text)
    except RecursionError:
        pass
    return json.loads(b"".join(_shallow(text if isinstance(text, bytes) else text.encode())))


def _shallow(text: bytes) -> Iterator[bytes]:
    """The pieces of the same without what is deeper than `DEPTH`."""
    depth = begin = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in b"[{":
            depth += 1
            if depth == DEPTH + 1:
                yield text[begin : mark.start()] + b"null"
        elif mark[0] in b"]}":
            depth -= 1
            if depth == DEPTH:
                begin = mark.end()
    if depth <= DEPTH:
        yield text[begin:]
