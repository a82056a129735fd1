"""One span by name: the `traceparent` of W3C Trace Context, version 00, as MCP, ACP and HTTP carry it."""

import re

from msgspec import Struct

from roost.core.vocabulary.identity import derive

TRACEPARENT = "traceparent"
"""Its key in `_meta` of MCP (SEP-414) and of ACP, and the name of the HTTP header."""
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SPAN_BYTES = 8


class TraceContext(Struct, frozen=True):
    """A span: its trace (32 hexadecimal digits), its own id (16), and whether its trace is recorded."""

    trace: str
    span: str
    sampled: bool = True

    def __str__(self) -> str:
        """The value of `traceparent`."""
        return f"00-{self.trace}-{self.span}-{int(self.sampled):02x}"


def parse_traceparent(text: object) -> TraceContext | None:
    """The span that a caller names; None for what is no `traceparent`, which the standard has us pass over.

    A later version may have more behind the flags (W3C Trace Context, 3.2.4); version ff is none.
    """
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    version, trace, span, flags = found.groups()
    more = len(found[0]) > len("00-") + 32 + 1 + 16 + 1 + 2
    if version == "ff" or (version == "00" and more) or not int(trace, 16) or not int(span, 16):
        return None
    return TraceContext(trace, span, bool(int(flags, 16) & 1))


def span_id(message: str, *parts: object) -> str:
    """The id of a span of this message: whoever computes it, and however often, it is the same."""
    return derive(message, "span", *parts, size=_SPAN_BYTES)
