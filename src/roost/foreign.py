"""JSON that other programs wrote. Standard library only: what runs in sessions' terminals reads it, too.

A program that cuts a text can leave half of a character, a lone surrogate. Python reads it as it stands, and
then it can be neither encoded nor shown. So U+FFFD comes in its place.
"""

import json
import re
from collections.abc import Iterator

DEPTH = 100
"""Levels that are kept of what is nested deeper than Python can read, at some 1,000."""
_MARKS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]', re.DOTALL)
_MAY_HALVE = re.compile(rb"\\u[dD]")
_HALVES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a whole character
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\xed[\xa0-\xbf][\x80-\xbf])"  # half of one
    rb"|\\.",  # what is escaped by a backslash that is no part of these
    re.DOTALL,
)


def whole(text: bytes, *, paths: bool = False) -> bytes:
    """The same JSON with U+FFFD in place of each half of a character; most have none, and are as they were.

    `paths`: what stands for a byte of a path that is no UTF-8 (U+DC80 to U+DCFF) is kept.
    """
    if _MAY_HALVE.search(text) is None and b"\xed" not in text:
        return text

    def mended(match: re.Match[bytes]) -> bytes:
        half = match[1]
        kept = half is None or (paths and b"\\udc80" <= half.lower() <= b"\\udcff")
        return match[0] if kept else b"\\ufffd"

    return _HALVES.sub(mended, text)


def decode(text: bytes | str) -> object:
    """What it says, of whole characters, with null in place of what is nested too deep.

    Raises ValueError: it is no JSON.
    """
    text = whole(text if isinstance(text, bytes) else text.encode())
    try:
        return json.loads(text)
    except RecursionError:
        pass
    return json.loads(b"".join(_shallow(text)))


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
