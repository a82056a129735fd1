"""JSON that other programs wrote. Standard library only: what runs in sessions' terminals reads it, too.

A program that cuts a text can leave half of a character, a lone surrogate. Python reads it as it stands, and
then it can be neither encoded nor shown. So U+FFFD comes in its place.
"""

import json
import re
from collections.abc import Iterator

DEEPEST = 300
"""Levels down to which all is kept. Python reads some 1,000, and fails at whatever is done with as many."""
DEPTH = 100
"""Levels that are kept of what is nested deeper than that."""
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[{]}"))
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
    return json.loads(b"".join(_shallow(text)) if is_deep(text) else text)


def entire(text: str) -> object:
    """All that a person's settings say, to be joined with others: nothing of them may be lost.

    Raises ValueError: it is no JSON, or nested too deep for that.
    """
    if is_deep(text.encode("utf-8", "surrogatepass")):
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    return json.loads(text)


def is_deep(text: bytes) -> bool:
    """Whether something in it is nested deeper than `DEEPEST`."""
    if text.count(b"[") + text.count(b"{") <= DEEPEST:
        return False
    depth = 0
    for mark in _STRINGS.sub(b"", text).translate(None, _NO_BRACKETS):
        depth += 1 if mark in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


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
